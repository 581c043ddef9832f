package dev.coffey.server.grpc;

import dev.coffey.model.Matrix;
import dev.coffey.model.TextInput;
import dev.coffey.server.batch.Batcher;
import dev.coffey.server.batch.ModelQueue;
import dev.coffey.server.batch.Priority;
import dev.coffey.server.batch.Submission;
import dev.coffey.server.batch.Ticker;
import dev.coffey.server.failure.InferenceException.Cancelled;
import dev.coffey.server.failure.InferenceException.DeadlineExceeded;
import dev.coffey.server.failure.InferenceException.InvalidArgument;
import dev.coffey.server.failure.InferenceException.Unavailable;
import dev.coffey.server.metrics.ServerMetrics;
import dev.coffey.server.registry.ModelHandle;
import dev.coffey.server.registry.ModelState;
import io.grpc.Context;
import io.grpc.Deadline;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/// The way of a request from its texts to the numbers that the device computed for them: tokenize,
/// submit, wait without a thread. What all services share.
final class Inference {
  /// A request, prepared: what the device shall read for it.
  interface Prepared {
    /// In any number; each goes into the batcher on its own.
    List<TextInput> texts();
  }

  /// What the device computed for a request, and where the time went.
  ///
  /// @param outputs for each text of `prepared`, one matrix for each of its readouts
  record Answer<P extends Prepared>(P prepared, List<List<Matrix>> outputs, Times times) {}

  /// Where a request's time went; tokens and texts are those of the batches that it was in.
  record Times(
      long tokenizeNanos, long queueNanos, long computeNanos, int batchTokens, int batchTexts) {}

  private final Batcher batcher;
  private final Ticker ticker;
  private final ServerMetrics metrics;
  private final int maxTokens;

  /// @param maxTokens of one request
  Inference(Batcher batcher, Ticker ticker, ServerMetrics metrics, int maxTokens) {
    this.batcher = batcher;
    this.ticker = ticker;
    this.metrics = metrics;
    this.maxTokens = maxTokens;
  }

  /// The moment by which the call in progress must be answered: the sooner of its gRPC deadline and
  /// `timeout` from now.
  long deadlineNanos(Optional<Duration> timeout) {
    long now = ticker.nanoTime();
    Deadline deadline = Context.current().getDeadline();
    long left = deadline == null ? Long.MAX_VALUE : deadline.timeRemaining(TimeUnit.NANOSECONDS);
    long limit = timeout.map(Duration::toNanos).orElse(Long.MAX_VALUE);
    long least = Math.min(left, limit);
    return least == Long.MAX_VALUE ? Ticker.NO_DEADLINE : now + least;
  }

  /// Answers a request. What would be refused however its texts are tokenized is refused at once,
  /// on this thread, by an exception; all other failures end the stage.
  ///
  /// @param leastTokens what the request has at least
  /// @param prepare tokenizes; called on a handler, timed, and only if the caller still waits
  <P extends Prepared> CompletionStage<Answer<P>> run(
      ModelHandle handle,
      long leastTokens,
      Supplier<P> prepare,
      Priority priority,
      long deadlineNanos) {
    if (Ticker.passed(deadlineNanos, ticker.nanoTime())) {
      throw new DeadlineExceeded("the deadline had passed before the texts were read");
    }
    if (Context.current().isCancelled()) {
      throw new Cancelled();
    }
    // More than a request may have is found out below, where the whole of it is known.
    long tokens = Math.clamp(leastTokens, 1, maxTokens);
    batcher.announce(handle.queue(), tokens, priority, deadlineNanos);
    return CallTasks.onHandler(() -> compute(handle, prepare, priority, deadlineNanos));
  }

  private <P extends Prepared> CompletableFuture<Answer<P>> compute(
      ModelHandle handle, Supplier<P> prepare, Priority priority, long deadlineNanos) {
    long start = ticker.nanoTime();
    P prepared = prepared(handle, prepare);
    long tokenizeNanos = ticker.nanoTime() - start;
    metrics.tokenized(handle.queue(), tokenizeNanos);
    List<TextInput> texts = prepared.texts();
    long tokens = 0;
    for (TextInput text : texts) {
      tokens += text.tokens();
    }
    if (tokens > maxTokens) {
      throw new InvalidArgument(
          "inputs",
          "%d tokens in one request; the most is %d (limits.request-tokens): send fewer texts in a request"
              .formatted(tokens, maxTokens));
    }
    if (texts.isEmpty()) {
      return CompletableFuture.completedFuture(
          new Answer<>(prepared, List.of(), new Times(tokenizeNanos, 0, 0, 0, 0)));
    }
    Submission submission = batcher.submit(handle.queue(), texts, priority, deadlineNanos);
    // Also called when the call ends as it should: then there is nothing left to cancel.
    Context.current().addListener(_ -> submission.cancel(), Runnable::run);
    ModelQueue queue = handle.queue();
    return submission
        .result()
        .thenApply(result -> {
          metrics.answered(queue, result);
          return new Answer<>(
              prepared,
              result.outputs(),
              new Times(
                  tokenizeNanos,
                  result.queueNanos(),
                  result.computeNanos(),
                  result.batchTokens(),
                  result.batchTexts()));
        });
  }

  private static <P> P prepared(ModelHandle handle, Supplier<P> prepare) {
    try {
      return prepare.get();
    } catch (IllegalStateException e) {
      if (handle.state() == ModelState.READY) {
        throw e;
      }
      // The model was unloaded between the look-up and here, its tokenizer with it.
      throw new Unavailable(
          "model '%s' is being unloaded".formatted(handle.name()), Duration.ofSeconds(1));
    }
  }
}
