%% SPDX-License-Identifier: GPL-2.0-only
%%
%% Measures the server of the exercise, as measure.c does: rounds of calls,
%% minus the cost of an empty loop. The result is a line of JSON.
-module(measure).

-export([main/0, main/1, serve/0]).

-define(ROUNDS, 51).

%% The server runs in this process's node, or in Node.
main() ->
    frequency:start(lists:seq(1, 1000)),
    report("Erlang process", frequency, 200),
    halt(0).

main([Node]) ->
    Server = {frequency, Node},
    pong = await(Node, 1000),
    report("Erlang node", Server, 10),
    %% Exit after the other node, which must receive the cast.
    monitor_node(Node, true),
    rpc:cast(Node, erlang, halt, [0]),
    receive
        {nodedown, Node} -> halt(0)
    end.

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

report(What, Server, Calls) ->
    Pair = fun() ->
                   {ok, Frequency} = frequency:allocate(Server),
                   ok = frequency:deallocate(Server, Frequency)
           end,
    %% Warm-up
    _ = rounds(Pair, Calls),
    Empty = median(rounds(fun() -> ok end, Calls)),
    Values = lists:sort([Value - Empty || Value <- rounds(Pair, Calls)]),
    io:format("{\"part\":\"peers\",\"what\":\"~s\",\"least\":~.3f,"
              "\"median\":~.3f,\"most\":~.3f,\"rounds\":~b,\"calls\":~b}~n",
              [What, hd(Values), median(Values), lists:last(Values),
               ?ROUNDS, Calls]).

rounds(Fun, Calls) ->
    [one_round(Fun, Calls) || _ <- lists:seq(1, ?ROUNDS)].

one_round(Fun, Calls) ->
    Begin = erlang:monotonic_time(nanosecond),
    repeat(Calls, Fun),
    (erlang:monotonic_time(nanosecond) - Begin) / Calls.

repeat(0, _Fun) ->
    ok;
repeat(Count, Fun) ->
    Fun(),
    repeat(Count - 1, Fun).

median(Values) ->
    lists:nth((length(Values) + 1) div 2, lists:sort(Values)).
