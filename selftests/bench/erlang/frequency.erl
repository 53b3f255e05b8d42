%% SPDX-License-Identifier: GPL-2.0-only
%%
%% The server of the exercise from which this project grew, in the style of the
%% exercise: a registered process. Its state is the list of free frequencies and
%% the list of allocated ones, each with its owner.
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

%% Server is {frequency, Node} if it is on another node.
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
