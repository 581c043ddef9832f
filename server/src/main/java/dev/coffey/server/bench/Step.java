package dev.coffey.server.bench;

import org.jspecify.annotations.Nullable;

/// What a load of one strength gave.
///
/// @param clients that each waited for an answer before they asked again; 0 in an open loop
/// @param offered requests that arrived a second, on average; 0 in a closed loop
/// @param seconds how long
/// @param sent requests
/// @param answered requests that got a result, and in time where there is a deadline
/// @param refused by RESOURCE_EXHAUSTED or UNAVAILABLE
/// @param late by DEADLINE_EXCEEDED, or answered after the deadline
/// @param textsPerSecond answered
/// @param tokensPerSecond answered
/// @param latency of the answered, in milliseconds; in an open loop from the moment that the
///   request was due, not that it was sent
/// @param refusal of the refused, likewise
/// @param server what the server's own metrics say; null where they were not given
public record Step(
    int clients,
    double offered,
    double seconds,
    long sent,
    long answered,
    long refused,
    long late,
    double textsPerSecond,
    double tokensPerSecond,
    LatencyHistogram.Percentiles latency,
    LatencyHistogram.Percentiles refusal,
    @Nullable ServerSide server) {

  /// The same with what the server says.
  Step with(ServerSide seen) {
    return new Step(
        clients,
        offered,
        seconds,
        sent,
        answered,
        refused,
        late,
        textsPerSecond,
        tokensPerSecond,
        latency,
        refusal,
        seen);
  }
}
