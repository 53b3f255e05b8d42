%% SPDX-License-Identifier: GPL-2.0-only
%%
%% The server of the exercise that this project grew from, as one writes it
%% there: a registered process, whose state is the list of what is free and the
%% list of what is allocated, each with the process that has it.
-module(frequency).

-export([start/1, stop/0, allocate/0, allocate/1, deallocate/1, deallocate/2]).

start(Frequencies) ->
    register(frequency, spawn(fun() -> loop({Frequencies, []}) end)).

stop() ->
    call(frequency, stop).

allocate() ->
    allocate(frequency).

deallocate(Frequency) ->
    deallocate(frequency, Frequency).

%% The server may be on another node: {frequency, Node}.
allocate(Server) ->
    call(Server, allocate).

deallocate(Server, Frequency) ->
    call(Server, {deallocate, Frequency}).

call(Server, Request) ->
    Server ! {request, self(), Request},
    receive
        {reply, Reply} -> Reply
    end.

loop(State) ->
    receive
        {request, Client, stop} ->
            Client ! {reply, ok};
        {request, Client, Request} ->
            {Reply, Next} = handle(Request, Client, State),
            Client ! {reply, Reply},
            loop(Next)
    end.

handle(allocate, _Client, {[], Allocated}) ->
    {{error, no_frequency}, {[], Allocated}};
handle(allocate, Client, {[Frequency | Free], Allocated}) ->
    {{ok, Frequency}, {Free, [{Frequency, Client} | Allocated]}};
handle({deallocate, Frequency}, Client, {Free, Allocated}) ->
    case lists:keyfind(Frequency, 1, Allocated) of
        {Frequency, Client} ->
            {ok, {[Frequency | Free],
                  lists:keydelete(Frequency, 1, Allocated)}};
        {Frequency, _Other} ->
            {{error, not_yours}, {Free, Allocated}};
        false ->
            {{error, not_allocated}, {Free, Allocated}}
    end.
