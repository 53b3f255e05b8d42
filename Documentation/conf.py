# SPDX-License-Identifier: GPL-2.0
"""Configuration of Sphinx, for `make docs`, which puts KERNEL in place."""

import os
import sys

from docutils import nodes

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
KERNEL = os.path.join(TOP, 'build', 'kernel-doc')
sys.path.insert(0, os.path.join(KERNEL, 'Documentation', 'sphinx'))

project = 'freq'
extensions = ['kerneldoc']
# Without a module of this name, as the kernel's documents have them.
primary_domain = 'c'
highlight_language = 'none'
smartquotes = False
html_theme = 'alabaster'
html_theme_options = {'page_width': '60em'}
html_show_copyright = False

kerneldoc_srctree = TOP
kerneldoc_bin = os.path.join(KERNEL, 'scripts', 'kernel-doc')
kerneldoc_verbosity = 0


def link_pages(app, doctree, docname):
    """Links between documents are to the sources: make them links to pages."""
    for link in doctree.traverse(nodes.reference):
        target = link.get('refuri', '')
        if ':' in target:
            continue
        if target.endswith('.rst'):
            link['refuri'] = target[:-len('.rst')] + '.html'
        # Sources outside Documentation/ are copied beside the pages.
        path = os.path.normpath(os.path.join(os.path.dirname(docname), target))
        if path.startswith('../'):
            link['refuri'] = target[len('../'):]


def setup(app):
    app.connect('doctree-resolved', link_pages)
