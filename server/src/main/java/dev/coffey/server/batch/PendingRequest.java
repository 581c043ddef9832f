package dev.coffey.server.batch;

import dev.coffey.model.Matrix;
import dev.coffey.model.TextInput;
import dev.coffey.server.failure.InferenceException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import org.jspecify.annotations.Nullable;

/// An admitted request on its way. Its progress changes under the batcher's lock, its place in the
/// line only by whoever holds the queues; any thread may end it, and the first to do so wins.
final class PendingRequest implements Submission, Waiting, Runnable {
  private static final VarHandle OUTCOME;

  static {
    try {
      OUTCOME = MethodHandles.lookup().findVarHandle(PendingRequest.class, "outcome", Object.class);
    } catch (ReflectiveOperationException impossible) {
      throw new ExceptionInInitializerError(impossible);
    }
  }

  private final ModelQueue queue;
  private final List<TextInput> texts;
  private final Priority priority;
  private final long arrivalNanos;
  private final long deadlineNanos;
  private final long tokens;
  private final Batcher batcher;
  private final CompletableFuture<BatchResult> result = new CompletableFuture<>();

  /// Null while the request is open, then its [BatchResult] or [InferenceException].
  private volatile @Nullable Object outcome;

  // Set at admission, before any other thread sees the request.
  private long expectedNanos;
  private long turnNanos;
  private boolean probe;

  /// Counts its queue's requests, to tell equal turns apart; the queue's.
  long number;

  // Changed under the batcher's lock; the first three by the queues' holder.
  private int nextText;
  private long tokensLeft;
  private boolean dropped;
  private final @Nullable List<Matrix>[] outputs;
  private int textsComputed;
  private int batchesUnderWay;
  private int batches;
  private long queueNanos;
  private long computeNanos;
  private int batchTokens;
  private int batchTexts;

  /// Its token-weighted share of the batches it was in.
  private long spentNanos;

  PendingRequest(
      Batcher batcher,
      ModelQueue queue,
      List<TextInput> texts,
      Priority priority,
      long arrivalNanos,
      long deadlineNanos) {
    this.batcher = batcher;
    this.queue = queue;
    this.texts = List.copyOf(texts);
    this.priority = priority;
    this.arrivalNanos = arrivalNanos;
    this.deadlineNanos = deadlineNanos;
    @SuppressWarnings({"unchecked", "rawtypes"}) // arrays of generics can't be made otherwise
    List<Matrix>[] empty = new List[texts.size()];
    outputs = empty;
    long sum = 0;
    for (TextInput text : texts) {
      sum += text.tokens();
    }
    tokens = sum;
    tokensLeft = sum;
  }

  ModelQueue queue() {
    return queue;
  }

  /// The tokens of all its texts.
  long tokens() {
    return tokens;
  }

  TextInput text(int index) {
    return texts.get(index);
  }

  void admitted(long answerExpectedNanos, long standsBackNanos, boolean asProbe) {
    expectedNanos = answerExpectedNanos;
    turnNanos = arrivalNanos + standsBackNanos;
    probe = asProbe;
  }

  /// In how much time from its arrival its answer was expected at the latest.
  long expectedNanos() {
    return expectedNanos + (turnNanos - arrivalNanos);
  }

  @Override
  public Priority priority() {
    return priority;
  }

  @Override
  public long arrivalNanos() {
    return arrivalNanos;
  }

  @Override
  public long turnNanos() {
    return turnNanos;
  }

  @Override
  public long deadlineNanos() {
    return deadlineNanos;
  }

  @Override
  public boolean ended() {
    return outcome != null;
  }

  @Override
  public boolean probe() {
    return probe;
  }

  @Override
  public int nextText() {
    return nextText;
  }

  @Override
  public int texts() {
    return texts.size();
  }

  @Override
  public int tokens(int text) {
    return texts.get(text).tokens();
  }

  @Override
  public long tokensLeft() {
    return tokensLeft;
  }

  long spentNanos() {
    return spentNanos;
  }

  @Nullable Object outcome() {
    return outcome;
  }

  /// Whether its answer would be of no use at `now`.
  boolean uselessAt(long now) {
    return ended() || Ticker.passed(deadlineNanos, now);
  }

  /// Texts up to `to`, `sliceTokens` in all, leave the queue for a batch.
  void advance(int to, int sliceTokens) {
    nextText = to;
    tokensLeft -= sliceTokens;
    batchesUnderWay++;
  }

  /// It is given up: what is left of it leaves the line.
  void drop() {
    dropped = true;
  }

  /// Whether nothing of it has any business in the line.
  boolean leavesLine() {
    return dropped || allCut();
  }

  boolean allCut() {
    return nextText == texts.size();
  }

  /// Whether neither a line nor a batch holds anything of it any more.
  boolean gone() {
    return leavesLine() && batchesUnderWay == 0;
  }

  boolean allComputed() {
    return textsComputed == texts.size();
  }

  /// A batch that held a slice of it ran.
  void inBatch(long startNanos, long nanos, int tokensInBatch, int textsInBatch, long share) {
    long waited = startNanos - arrivalNanos;
    queueNanos = batches == 0 ? waited : Math.min(queueNanos, waited);
    batchesUnderWay--;
    batches++;
    computeNanos += nanos;
    batchTokens += tokensInBatch;
    batchTexts += textsInBatch;
    spentNanos += share;
  }

  void output(int text, List<Matrix> matrices) {
    outputs[text] = matrices;
    textsComputed++;
  }

  /// Its result; all outputs must be there.
  BatchResult toResult() {
    return new BatchResult(
        Arrays.asList(outputs), queueNanos, computeNanos, batches, batchTokens, batchTexts);
  }

  /// How many numbers its outputs have.
  long numbers() {
    long numbers = 0;
    for (List<Matrix> matrices : outputs) {
      if (matrices != null) {
        for (Matrix matrix : matrices) {
          numbers += matrix.values().length;
        }
      }
    }
    return numbers;
  }

  /// Ends it, unless it has ended: [#deliver] must follow if this returns true.
  boolean end(Object outcomeOrFailure) {
    return OUTCOME.compareAndSet(this, null, outcomeOrFailure);
  }

  /// Hands the outcome to its caller on `executor`.
  void deliver(Executor executor) {
    try {
      executor.execute(this);
    } catch (RejectedExecutionException stopped) {
      // The server is stopping out of order; an answer on the wrong thread is better than none.
      run();
    }
  }

  @Override
  public void run() {
    switch (outcome) {
      case BatchResult answer -> result.complete(answer);
      case InferenceException failure -> result.completeExceptionally(failure);
      case null, default -> throw new IllegalStateException("delivered without an outcome");
    }
  }

  @Override
  public CompletableFuture<BatchResult> result() {
    return result;
  }

  @Override
  public boolean cancel() {
    return batcher.cancel(this);
  }
}
