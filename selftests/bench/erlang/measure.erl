%% SPDX-License-Identifier: GPL-2.0-only
%%
%% Measures the server of the exercise, as measure.c does: rounds of calls, less
%% what an empty loop takes; a line of JSON for the result.
-module(measure).

-export([main/0, main/1, serve/0]).

-define(CALLS, 200).
-define(ROUNDS, 51).

%% With no node, the server is here; else it is on that one.
main() ->
    frequency:start(lists:seq(1, 1000)),
    report("Erlang process", frequency),
    halt(0).

main([Node]) ->
    Server = {frequency, Node},
    pong = await(Node, 1000),
    report("Erlang node", Server),
    rpc:cast(Node, erlang, halt, [0]),
    halt(0).

serve() ->
    frequency:start(lists:seq(1, 1000)).

await(Node, Tries) ->
    case net_adm:ping(Node) of
        pang when Tries > 0 ->
            timer:sleep(100),
            await(Node, Tries - 1);
        Answer ->
            Answer
    end.

report(What, Server) ->
    Pair = fun() ->
                   {ok, Frequency} = frequency:allocate(Server),
                   ok = frequency:deallocate(Server, Frequency)
           end,
    %% Once in vain, for what only the first time takes.
    _ = rounds(Pair),
    Empty = median(rounds(fun() -> ok end)),
    Values = lists:sort([Value - Empty || Value <- rounds(Pair)]),
    io:format("{\"part\":\"peers\",\"what\":\"~s\",\"least\":~.3f,"
              "\"median\":~.3f,\"most\":~.3f,\"rounds\":~b,\"calls\":~b}~n",
              [What, hd(Values), median(Values), lists:last(Values),
               ?ROUNDS, ?CALLS]).

rounds(Fun) ->
    [one_round(Fun) || _ <- lists:seq(1, ?ROUNDS)].

one_round(Fun) ->
    Begin = erlang:monotonic_time(nanosecond),
    repeat(?CALLS, Fun),
    (erlang:monotonic_time(nanosecond) - Begin) / ?CALLS.

repeat(0, _Fun) ->
    ok;
repeat(Count, Fun) ->
    Fun(),
    repeat(Count - 1, Fun).

median(Values) ->
    lists:nth((length(Values) + 1) div 2, lists:sort(Values)).
