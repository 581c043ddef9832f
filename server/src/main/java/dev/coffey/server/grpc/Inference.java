package dev.coffey.server.grpc;

import dev.coffey.model.Matrix;
import dev.coffey.model.TextInput;
import dev.coffey.server.batch.BatchResult;
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
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/// The way of a request from its texts to the numbers that the device computed for them: tokenize,
/// submit, wait without a thread, pair each text with its result. What all services share.
final class Inference {
  /// A text of a request, ready for the device or at fault.
  sealed interface Item {
    /// `cut`: tokens that truncation left out.
    record Ready(TextInput input, int cut) implements Item {}

    record Faulty(InvalidArgument fault) implements Item {}
  }

  /// What became of a text.
  sealed interface Result {
    /// One matrix for each readout of the text.
    record Computed(TextInput input, int cut, List<Matrix> outputs) implements Result {}

    record Refused(InvalidArgument fault) implements Result {}
  }

  /// A request's results, in the order of its texts, and where the time went.
  record Answer(
      List<Result> results,
      long tokenizeNanos,
      long queueNanos,
      long computeNanos,
      int batchTokens,
      int batchTexts) {}

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

  /// Answers a request. Refusals are thrown; failures after admission end the future.
  ///
  /// @param tokenize makes the items; called on this thread, timed, and only if the caller still
  ///   waits
  CompletableFuture<Answer> run(
      ModelHandle handle, Supplier<List<Item>> tokenize, Priority priority, long deadlineNanos) {
    long start = ticker.nanoTime();
    if (Ticker.passed(deadlineNanos, start)) {
      throw new DeadlineExceeded("the deadline had passed before the texts were read");
    }
    Context context = Context.current();
    if (context.isCancelled()) {
      throw new Cancelled();
    }
    List<Item> items = items(handle, tokenize);
    long tokenizeNanos = ticker.nanoTime() - start;
    metrics.tokenized(handle.queue(), tokenizeNanos);
    List<TextInput> texts = new ArrayList<>(items.size());
    long tokens = 0;
    for (Item item : items) {
      if (item instanceof Item.Ready(TextInput input, int _)) {
        texts.add(input);
        tokens += input.tokens();
      }
    }
    if (tokens > maxTokens) {
      throw new InvalidArgument(
          "inputs",
          "%d tokens in one request; the most is %d (limits.request-tokens): send fewer texts in a request"
              .formatted(tokens, maxTokens));
    }
    if (texts.isEmpty()) {
      return CompletableFuture.completedFuture(
          answer(items, new BatchResult(List.of(), 0, 0, 0, 0, 0), tokenizeNanos));
    }
    Submission submission = batcher.submit(handle.queue(), texts, priority, deadlineNanos);
    // Also called when the call ends as it should: then there is nothing left to cancel.
    context.addListener(_ -> submission.cancel(), Runnable::run);
    ModelQueue queue = handle.queue();
    return submission
        .result()
        .thenApply(result -> {
          metrics.answered(queue, result);
          return answer(items, result, tokenizeNanos);
        });
  }

  private static List<Item> items(ModelHandle handle, Supplier<List<Item>> tokenize) {
    try {
      return tokenize.get();
    } catch (IllegalStateException e) {
      if (handle.state() == ModelState.READY) {
        throw e;
      }
      // The model was unloaded between the look-up and here, its tokenizer with it.
      throw new Unavailable(
          "model '%s' is being unloaded".formatted(handle.name()), Duration.ofSeconds(1));
    }
  }

  private static Answer answer(List<Item> items, BatchResult result, long tokenizeNanos) {
    Iterator<List<Matrix>> outputs = result.outputs().iterator();
    List<Result> results = new ArrayList<>(items.size());
    for (Item item : items) {
      results.add(
          switch (item) {
            case Item.Ready(TextInput input, int cut) ->
                new Result.Computed(input, cut, outputs.next());
            case Item.Faulty(InvalidArgument fault) -> new Result.Refused(fault);
          });
    }
    return new Answer(
        results,
        tokenizeNanos,
        result.queueNanos(),
        result.computeNanos(),
        result.batchTokens(),
        result.batchTexts());
  }
}
