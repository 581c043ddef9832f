package dev.coffey.server.batch;

import java.util.List;

/// What [BatchPolicy] wants done with one model's queue now.
///
/// @param drops requests to be ended; nothing more of them is computed
/// @param next what the device does
record Decision<R extends Waiting>(List<Drop<R>> drops, Next<R> next) {
  /// Why a request is dropped.
  enum Cause {
    /// It was cancelled, or failed with an earlier batch.
    ENDED,
    /// Its deadline passed.
    EXPIRED,
    /// Its deadline would pass before its last text is computed.
    LATE
  }

  record Drop<R extends Waiting>(R request, Cause cause) {}

  /// The texts of one request that go into the batch: from [Waiting#nextText()] up to `to`.
  record Slice<R extends Waiting>(R request, int from, int to, int tokens) {}

  sealed interface Next<R extends Waiting> {}

  /// Compute these, in this order.
  record Cut<R extends Waiting>(List<Slice<R>> slices, int tokens, int texts) implements Next<R> {}

  /// Let the batch fill, until this time at the latest.
  record WaitUntil<R extends Waiting>(long nanos) implements Next<R> {}

  /// Nothing is left to do.
  record Nothing<R extends Waiting>() implements Next<R> {}
}
