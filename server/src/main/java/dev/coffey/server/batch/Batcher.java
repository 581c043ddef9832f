package dev.coffey.server.batch;

import dev.coffey.kernels.DeviceException;
import dev.coffey.model.BatchRunner;
import dev.coffey.model.Matrix;
import dev.coffey.model.TextInput;
import dev.coffey.server.batch.Admission.Backlog;
import dev.coffey.server.batch.Admission.Verdict;
import dev.coffey.server.batch.Decision.Cut;
import dev.coffey.server.batch.Decision.Drop;
import dev.coffey.server.batch.Decision.Nothing;
import dev.coffey.server.batch.Decision.Slice;
import dev.coffey.server.batch.Decision.WaitUntil;
import dev.coffey.server.batch.Ledger.Refusal;
import dev.coffey.server.failure.InferenceException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Gathers the texts of concurrent requests into batches for one device and answers each request
/// once.
///
/// ```
/// try (Batcher batcher = Batcher.start(config, executor, Ticker.SYSTEM, BatchListener.NONE)) {
///   ModelQueue queue = batcher.register("sst2", model, warmUp);
///   Submission submission = batcher.submit(queue, texts, Priority.NORMAL, deadlineNanos);
///   submission.result().thenAccept(result -> …);
/// }
/// ```
///
/// Threads: one thread, `coffey-device`, owns the device and all queues; every [BatchRunner] and
/// every task of [#onDevice] runs on it. All methods here may be called from any thread. Futures
/// complete on the executor given at the start. One answer of a batch may complete its future on
/// the device thread itself, where that saves a thread's wake-up and delays nobody: it is small and
/// nothing waits for the device.
///
/// Whatever was admitted ends exactly once: with its result or with an [InferenceException], also
/// when the batcher closes.
public final class Batcher implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Batcher.class);

  /// What a caller is told to wait when the server is going away or not there yet: it should have
  /// found another by then.
  private static final Duration UNAVAILABLE_RETRY = Duration.ofSeconds(1);

  /// A batch that takes longer than expected is expected to take this share of its time yet.
  private static final int OVERDUE = 8;

  /// How long the device thread stays awake for a request that was announced. Tokenizing a sentence
  /// takes about 40 µs, waking a parked thread 50 µs or more.
  private static final long AWAIT_ANNOUNCED_NANOS = 200_000;

  /// Numbers in an answer that the device thread may hand out itself: an embedding or a few hundred
  /// labels, written in microseconds.
  private static final int SMALL_ANSWER = 4096;

  private final BatchConfig config;
  private final Admission admission;
  private final Executor completions;
  private final Ticker ticker;
  private final BatchListener listener;

  /// Requests on their way from handlers to the device thread.
  private final Queue<PendingRequest> inbox = new ConcurrentLinkedQueue<>();

  private final Queue<DeviceTask<?>> tasks = new ConcurrentLinkedQueue<>();

  /// Guards the ledgers and the fields from here to `draining`.
  private final ReentrantLock lock = new ReentrantLock();

  private final Condition nothingOpen = lock.newCondition();
  private final List<ModelQueue> registered = new ArrayList<>();
  private int open;
  private boolean computing;
  private long computingSince;
  private long computingExpected;
  private boolean draining;

  /// Written under the lock.
  private volatile boolean closing;

  /// Written under the lock by the device thread.
  private volatile boolean stopped;

  private volatile boolean queuesChanged;

  // Waking the device thread: one of the two sides always sees the other's flag.
  private volatile boolean signalled;
  private volatile boolean parked;

  /// Until when the device thread, if it has nothing else to do, waits for a request without
  /// parking.
  private volatile long awake;

  private @Nullable Thread device;

  // The device thread's.
  private final FairShare<ModelQueue> share = new FairShare<>();
  private final List<ModelQueue> served = new ArrayList<>();
  private final List<ModelQueue> filling = new ArrayList<>();
  private @Nullable Cut<PendingRequest> current;
  private long faults;

  /// Without a thread: [#pass] is for the caller to call.
  Batcher(BatchConfig config, Executor completions, Ticker ticker, BatchListener listener) {
    this.config = config;
    this.completions = completions;
    this.ticker = ticker;
    this.listener = listener;
    admission = new Admission(config.queueMaxTokens(), config.queueMaxRequests());
    awake = ticker.nanoTime();
  }

  /// A batcher whose device thread runs.
  ///
  /// @param completions runs what hangs on the futures; should be bounded by the requests in flight
  public static Batcher start(
      BatchConfig config, Executor completions, Ticker ticker, BatchListener listener) {
    Batcher batcher = new Batcher(config, completions, ticker, listener);
    Thread thread = Thread.ofPlatform().name("coffey-device").daemon().unstarted(batcher::loop);
    batcher.device = thread;
    thread.start();
    return batcher;
  }

  // ---- for handlers and the registry, any thread

  /// Opens a queue for a model whose weights are loaded and whose kernels are warm.
  ///
  /// @param name for metrics and errors; two versions of a model may share it
  public ModelQueue register(String name, BatchRunner runner, WarmUp warmUp) {
    BatchPolicy policy =
        new BatchPolicy(
            config.maxTokens() > 0 ? config.maxTokens() : warmUp.maxTokens(),
            config.maxTexts(),
            config.maxDelay().toNanos(),
            config.aging().toNanos());
    ModelQueue queue = new ModelQueue(this, name, runner, policy, warmUp.cost(), ticker.nanoTime());
    lock.lock();
    try {
      registered.add(queue);
    } finally {
      lock.unlock();
    }
    queuesChanged = true;
    wake();
    return queue;
  }

  /// Refuses new requests for the model at once and answers those that wait.
  ///
  /// @return completed when the last one was: no batch of the model will run any more
  public CompletableFuture<Void> unregister(ModelQueue queue) {
    CompletableFuture<Void> left;
    lock.lock();
    try {
      left = queue.leaving;
      if (left == null) {
        left = new CompletableFuture<>();
        queue.leaving = left;
        if (stopped) {
          left.complete(null);
        }
      }
    } finally {
      lock.unlock();
    }
    queuesChanged = true;
    wake();
    return left;
  }

  /// Tells that a request is about to be submitted, before its tokens are counted: refuses what
  /// would be refused in any case, so that no work is spent on it, and wakes the device thread so
  /// that it need not be waited for. Takes nothing in.
  ///
  /// @param leastTokens what the request has at least
  /// @throws InferenceException as [#submit]
  public void announce(ModelQueue queue, long leastTokens, Priority priority, long deadlineNanos) {
    long now = ticker.nanoTime();
    Verdict verdict;
    lock.lock();
    try {
      verdict = decide(queue, leastTokens, priority, deadlineNanos, now);
    } finally {
      lock.unlock();
    }
    throwRefusal(verdict, queue, leastTokens, deadlineNanos, now);
    awake = now + AWAIT_ANNOUNCED_NANOS;
    if (parked) {
      LockSupport.unpark(device);
    }
  }

  /// Takes in one request, all of it or nothing.
  ///
  /// @param texts at least one; each is computed in some batch, not all in the same
  /// @param deadlineNanos in the [Ticker]'s time; [Ticker#NO_DEADLINE] if there is none
  /// @throws InferenceException if it is refused: `Overloaded`, `DeadlineUnreachable`,
  ///   `DeadlineExceeded`, `Unavailable`, or `InvalidArgument` where it is larger than the whole
  ///   queue
  public Submission submit(
      ModelQueue queue, List<TextInput> texts, Priority priority, long deadlineNanos) {
    if (texts.isEmpty()) {
      throw new IllegalArgumentException("a request without texts");
    }
    long now = ticker.nanoTime();
    PendingRequest request = new PendingRequest(this, queue, texts, priority, now, deadlineNanos);
    Verdict verdict;
    lock.lock();
    try {
      verdict = decide(queue, request.tokens(), priority, deadlineNanos, now);
      if (verdict instanceof Admission.Admit(long expectedNanos, boolean probe)) {
        request.admitted(expectedNanos, probe);
        queue.ledger().admitted(request);
        open++;
        // Under the lock: once `closing` is set, nothing comes after what the device thread then
        // takes.
        inbox.add(request);
      }
    } finally {
      lock.unlock();
    }
    throwRefusal(verdict, queue, request.tokens(), deadlineNanos, now);
    wake();
    return request;
  }

  /// Runs a task on the device thread between two batches, in the order of the calls: loading
  /// weights, warming up, freeing. Requests wait meanwhile.
  public <T> CompletableFuture<T> onDevice(Callable<T> task) {
    DeviceTask<T> pending = new DeviceTask<>(task, new CompletableFuture<>());
    lock.lock();
    try {
      if (stopped || closing) {
        pending
            .result()
            .completeExceptionally(
                new InferenceException.Unavailable("the server is stopping", UNAVAILABLE_RETRY));
        return pending.result();
      }
      tasks.add(pending);
    } finally {
      lock.unlock();
    }
    wake();
    return pending.result();
  }

  /// Refuses new requests from now on and waits until those taken in have ended, or for `limit`.
  /// Tasks are still taken, so that models can be freed; [#close()] stops the thread.
  ///
  /// @return whether all have ended
  public boolean drain(Duration limit) throws InterruptedException {
    lock.lock();
    try {
      draining = true;
      long left = limit.toNanos();
      while (open > 0) {
        if (left <= 0) {
          return false;
        }
        left = nothingOpen.awaitNanos(left);
      }
      return true;
    } finally {
      lock.unlock();
    }
  }

  /// Stops after the batch in progress. What waits ends with `Unavailable`.
  @Override
  public void close() {
    lock.lock();
    try {
      draining = true;
      closing = true;
    } finally {
      lock.unlock();
    }
    wake();
    Thread thread = device;
    if (thread != null && thread != Thread.currentThread()) {
      boolean interrupted = false;
      while (true) {
        try {
          thread.join();
          break;
        } catch (InterruptedException stillJoining) {
          interrupted = true;
        }
      }
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  QueueStats stats(ModelQueue queue) {
    lock.lock();
    try {
      return queue.ledger().snapshot();
    } finally {
      lock.unlock();
    }
  }

  BatchCost cost(ModelQueue queue) {
    lock.lock();
    try {
      return queue.ledger().cost();
    } finally {
      lock.unlock();
    }
  }

  boolean cancel(PendingRequest request) {
    if (!request.end(new InferenceException.Cancelled())) {
      return false;
    }
    request.queue().endedInLine = true;
    wake();
    request.deliver(completions);
    return true;
  }

  /// Under the lock. A refusal is counted.
  private Verdict decide(
      ModelQueue queue, long tokens, Priority priority, long deadlineNanos, long now) {
    Verdict verdict =
        draining || queue.leaving != null
            ? new Admission.Closed()
            : admission.decide(
                tokens,
                Ticker.left(deadlineNanos, now),
                queue.ledger().backlog(priority, queue.maxTokens(), now),
                registered.size() == 1 ? List.of() : others(queue, now),
                busyNanos(now));
    switch (verdict) {
      case Admission.Admit _ -> {}
      case Admission.Closed _ -> queue.ledger().refused(Refusal.UNAVAILABLE);
      case Admission.Passed _ -> queue.ledger().refused(Refusal.DEADLINE_PASSED);
      case Admission.TooLarge _ -> queue.ledger().refused(Refusal.INVALID);
      case Admission.TooManyTokens _, Admission.TooManyRequests _ ->
          queue.ledger().refused(Refusal.QUEUE_FULL);
      case Admission.Unreachable _ -> queue.ledger().refused(Refusal.DEADLINE_UNREACHABLE);
    }
    return verdict;
  }

  private List<Backlog> others(ModelQueue queue, long now) {
    List<Backlog> others = new ArrayList<>();
    for (ModelQueue other : registered) {
      if (!other.equals(queue)) {
        others.add(other.ledger().backlog(Priority.LOW, other.maxTokens(), now));
      }
    }
    return others;
  }

  private long busyNanos(long now) {
    return computing
        ? Math.max(computingExpected - (now - computingSince), 1 + computingExpected / OVERDUE)
        : 0;
  }

  private void throwRefusal(
      Verdict verdict, ModelQueue queue, long tokens, long deadlineNanos, long now) {
    switch (verdict) {
      case Admission.Admit _ -> {}
      case Admission.Closed _ ->
          throw new InferenceException.Unavailable(
              "model '%s' is not taking requests any more: it is being unloaded or the server is stopping"
                  .formatted(queue.name()),
              UNAVAILABLE_RETRY);
      case Admission.Passed _ ->
          throw new InferenceException.DeadlineExceeded("the deadline had passed on arrival");
      case Admission.TooLarge _ ->
          throw new InferenceException.InvalidArgument(
              "inputs",
              "%d tokens in one request, more than a queue holds (queue.max-tokens = %d): send fewer texts in a request"
                  .formatted(tokens, config.queueMaxTokens()));
      case Admission.TooManyTokens(long retryNanos) ->
          throw new InferenceException.Overloaded(
              "the queue of model '%s' is full: no room for %d more tokens (queue.max-tokens = %d); try again later"
                  .formatted(queue.name(), tokens, config.queueMaxTokens()),
              Duration.ofNanos(retryNanos));
      case Admission.TooManyRequests(long retryNanos) ->
          throw new InferenceException.Overloaded(
              "the queue of model '%s' is full: %d requests wait (queue.max-requests); try again later"
                  .formatted(queue.name(), config.queueMaxRequests()),
              Duration.ofNanos(retryNanos));
      case Admission.Unreachable(long estimateNanos, long retryNanos) ->
          throw new InferenceException.DeadlineUnreachable(
              Duration.ofNanos(Ticker.left(deadlineNanos, now)),
              Duration.ofNanos(estimateNanos),
              Duration.ofNanos(retryNanos));
    }
  }

  private void wake() {
    signalled = true;
    if (parked) {
      LockSupport.unpark(device);
    }
  }

  // ---- the device thread

  private record DeviceTask<T>(Callable<T> work, CompletableFuture<T> result) {}

  private void loop() {
    try {
      while (!stopped) {
        park(pass());
      }
    } catch (Throwable bug) {
      // Not a runner's fault, those are caught where they run: the queues can't be trusted any
      // more.
      stopAfter(bug);
    }
  }

  private void park(long nanos) {
    if (nanos == 0) {
      return;
    }
    awaitAnnounced();
    parked = true;
    if (!signalled) {
      if (nanos == Long.MAX_VALUE) {
        LockSupport.park(this);
      } else {
        LockSupport.parkNanos(this, nanos);
      }
    }
    parked = false;
  }

  /// Yields rather than spins: where cores are few, the handler that gets the request ready needs
  /// this one.
  @SuppressWarnings("ThreadPriorityCheck") // nothing relies on it but speed
  private void awaitAnnounced() {
    while (!signalled && awake - ticker.nanoTime() > 0) {
      Thread.yield();
    }
  }

  /// One round of the device thread: takes in what came, then runs one task or one batch.
  ///
  /// @return how long there is nothing to do: 0 if there may be more at once, [Long#MAX_VALUE]
  ///   until woken
  long pass() {
    signalled = false;
    boolean last = closing;
    takeIn();
    if (last) {
      abandonAll();
      stop();
      return 0;
    }
    DeviceTask<?> task = tasks.poll();
    if (task != null) {
      runTask(task);
      return 0;
    }
    boolean dropped = false;
    for (ModelQueue queue : served) {
      long now = ticker.nanoTime();
      dropped |= drop(queue, queue.sweep(now), now, true);
    }
    filling.clear();
    long wait = Long.MAX_VALUE;
    while (true) {
      ModelQueue queue = share.next(each -> !each.isEmpty() && !filling.contains(each));
      if (queue == null) {
        // A model that leaves may have waited for no more than what was dropped.
        return dropped && queuesChanged ? 0 : wait;
      }
      long now = ticker.nanoTime();
      Decision<PendingRequest> decision =
          queue.policy().decide(queue.view(), now, queue.meter().cautious());
      dropped |= drop(queue, decision.drops(), now, false);
      switch (decision.next()) {
        case Cut<PendingRequest> cut -> {
          compute(queue, cut);
          return 0;
        }
        case WaitUntil<PendingRequest>(long until) -> {
          filling.add(queue);
          wait = Math.min(wait, Math.max(1, until - now));
        }
        case Nothing<PendingRequest> _ -> {}
      }
    }
  }

  private void takeIn() {
    for (PendingRequest request = inbox.poll(); request != null; request = inbox.poll()) {
      request.queue().add(request);
    }
    if (!queuesChanged) {
      return;
    }
    queuesChanged = false;
    List<CompletableFuture<Void>> gone = new ArrayList<>();
    lock.lock();
    try {
      for (ModelQueue queue : registered) {
        if (!served.contains(queue)) {
          served.add(queue);
          share.add(queue);
        }
      }
      for (ModelQueue queue : List.copyOf(registered)) {
        if (queue.leaving == null) {
          continue;
        }
        if (queue.ledger().open() == 0) {
          registered.remove(queue);
          served.remove(queue);
          share.remove(queue);
          gone.add(queue.leaving);
        } else {
          // Looked at again after the next batch.
          queuesChanged = true;
        }
      }
    } finally {
      lock.unlock();
    }
    gone.forEach(left -> complete(() -> left.complete(null)));
  }

  private <T> void runTask(DeviceTask<T> task) {
    busy(0);
    try {
      T value = task.work().call();
      complete(() -> task.result().complete(value));
    } catch (Throwable failure) {
      complete(() -> task.result().completeExceptionally(failure));
    } finally {
      idle();
    }
  }

  private void compute(ModelQueue queue, Cut<PendingRequest> cut) {
    current = cut;
    List<TextInput> texts = new ArrayList<>(cut.texts());
    for (Slice<PendingRequest> slice : cut.slices()) {
      for (int i = slice.from(); i < slice.to(); i++) {
        texts.add(slice.request().text(i));
      }
      slice.request().advance(slice.to(), slice.tokens());
    }
    queue.removeLeaversAtFront();
    share.charge(queue, cut.tokens());
    long start = leaveForDevice(queue, cut);
    // Asked of the requests themselves, not of the policy: what it missed must show in the
    // counters.
    long useless = uselessTokens(cut, start);

    List<List<Matrix>> outputs = List.of();
    Throwable fault = null;
    try {
      outputs = queue.runner().run(texts);
      if (outputs.size() != texts.size()) {
        throw new IllegalStateException(
            "the model answered %d texts of a batch of %d".formatted(outputs.size(), texts.size()));
      }
    } catch (Throwable failure) {
      fault = failure;
    }

    long end = ticker.nanoTime();
    long nanos = end - start;
    long uselessNow = Math.max(useless, uselessTokens(cut, end));
    InferenceException failure = fault == null ? null : fault(queue, fault);
    List<PendingRequest> answers = new ArrayList<>();
    int next = 0;
    for (Slice<PendingRequest> slice : cut.slices()) {
      PendingRequest request = slice.request();
      request.inBatch(start, nanos, cut.tokens(), cut.texts(), part(nanos, slice.tokens(), cut));
      if (failure != null) {
        if (request.end(failure)) {
          answers.add(request);
        }
        if (!request.allCut()) {
          // Its other texts are dropped at the start of the next round, like those of a cancelled
          // one.
          queue.endedInLine = true;
        }
        continue;
      }
      for (int i = slice.from(); i < slice.to(); i++) {
        request.output(i, outputs.get(next++));
      }
      if (request.allCut()) {
        Object outcome =
            Ticker.passed(request.deadlineNanos(), end)
                ? new InferenceException.DeadlineExceeded(
                    "the deadline passed while the texts were computed; allow more time or send less")
                : request.toResult();
        if (request.end(outcome)) {
          answers.add(request);
        }
      }
    }
    if (failure == null) {
      queue.meter().measured(cut.tokens(), nanos);
    }
    long expired = part(nanos, useless, cut);
    long expiredDuring = part(nanos, uselessNow - useless, cut);
    lock.lock();
    try {
      computing = false;
      Ledger ledger = queue.ledger();
      ledger.computed(cut.texts(), cut.tokens(), nanos, expired, expiredDuring);
      ledger.measured(queue.meter().cost(), end);
      for (Slice<PendingRequest> slice : cut.slices()) {
        if (slice.request().allCut()) {
          retire(slice.request(), end);
        }
      }
    } finally {
      lock.unlock();
    }
    deliver(answers);
    current = null;
    if (failure == null) {
      succeeded(queue, cut, nanos);
    }
  }

  private void deliver(List<PendingRequest> answers) {
    int left = answers.size();
    for (PendingRequest answer : answers) {
      left--;
      boolean direct = left == 0 && answer.numbers() <= SMALL_ANSWER && nothingWaits();
      answer.deliver(direct ? Runnable::run : completions);
    }
  }

  private boolean nothingWaits() {
    if (!inbox.isEmpty() || !tasks.isEmpty()) {
      return false;
    }
    for (ModelQueue queue : served) {
      if (!queue.isEmpty()) {
        return false;
      }
    }
    return true;
  }

  private long leaveForDevice(ModelQueue queue, Cut<PendingRequest> cut) {
    lock.lock();
    try {
      for (Slice<PendingRequest> slice : cut.slices()) {
        PendingRequest request = slice.request();
        queue
            .ledger()
            .left(request.priority(), slice.to() - slice.from(), slice.tokens(), request.allCut());
      }
    } finally {
      lock.unlock();
    }
    return busy(queue.meter().cost().batchNanos(cut.tokens()));
  }

  private long busy(long expectedNanos) {
    lock.lock();
    try {
      computing = true;
      computingSince = ticker.nanoTime();
      computingExpected = expectedNanos;
      return computingSince;
    } finally {
      lock.unlock();
    }
  }

  private void idle() {
    lock.lock();
    try {
      computing = false;
    } finally {
      lock.unlock();
    }
  }

  private static long uselessTokens(Cut<PendingRequest> cut, long now) {
    long tokens = 0;
    for (Slice<PendingRequest> slice : cut.slices()) {
      if (slice.request().uselessAt(now)) {
        tokens += slice.tokens();
      }
    }
    return tokens;
  }

  private static long part(long nanos, long tokens, Cut<PendingRequest> cut) {
    return Math.round(nanos * (tokens / (double) cut.tokens()));
  }

  /// Ends what the policy gave up.
  private boolean drop(
      ModelQueue queue, List<Drop<PendingRequest>> drops, long now, boolean anywhere) {
    if (drops.isEmpty()) {
      return false;
    }
    List<PendingRequest> answers = new ArrayList<>();
    for (Drop<PendingRequest> drop : drops) {
      PendingRequest request = drop.request();
      long waitedMillis = (now - request.arrivalNanos()) / 1_000_000;
      boolean mine =
          switch (drop.cause()) {
            case ENDED -> false;
            case EXPIRED ->
                request.end(
                    new InferenceException.DeadlineExceeded(
                        "the deadline passed in the queue, after %d ms".formatted(waitedMillis)));
            case LATE ->
                request.end(
                    new InferenceException.DeadlineExceeded(
                        "given up in the queue after %d ms: it could not be ready any more by its deadline in %d ms"
                            .formatted(waitedMillis, (request.deadlineNanos() - now) / 1_000_000)));
          };
      if (mine) {
        answers.add(request);
      }
      request.drop();
    }
    if (anywhere) {
      queue.removeLeavers();
    } else {
      queue.removeLeaversAtFront();
    }
    lock.lock();
    try {
      for (Drop<PendingRequest> drop : drops) {
        leaveLine(drop.request());
        retire(drop.request(), now);
      }
    } finally {
      lock.unlock();
    }
    answers.forEach(answer -> answer.deliver(completions));
    return true;
  }

  /// Under the lock: what is left of the request waits no more.
  private void leaveLine(PendingRequest request) {
    request
        .queue()
        .ledger()
        .left(request.priority(), request.texts() - request.nextText(), request.tokensLeft(), true);
  }

  /// Under the lock: the request has ended and is in no line and no batch.
  private void retire(PendingRequest request, long now) {
    request.queue().ledger().retired(request, now);
    if (--open == 0) {
      nothingOpen.signalAll();
    }
  }

  private InferenceException fault(ModelQueue queue, Throwable cause) {
    String id = faultId();
    LOG.error("fault {}: a batch of model '{}' failed", id, queue.name(), cause);
    queue.faultsInARow++;
    boolean lost = cause instanceof DeviceException device && device.deviceLost();
    boolean fatal = lost || cause instanceof Error || queue.faultsInARow >= config.faultLimit();
    if (fatal && !queue.failed) {
      queue.failed = true;
      tell(() -> listener.modelFailed(queue, cause));
    }
    return new InferenceException.DeviceFault(id);
  }

  private String faultId() {
    return Long.toHexString(ticker.nanoTime()) + "-" + Long.toHexString(++faults);
  }

  private void succeeded(ModelQueue queue, Cut<PendingRequest> cut, long nanos) {
    queue.faultsInARow = 0;
    if (queue.failed) {
      queue.failed = false;
      tell(() -> listener.modelRecovered(queue));
    }
    tell(() -> listener.batchComputed(queue, cut.tokens(), cut.texts(), nanos));
  }

  private void abandonAll() {
    InferenceException stopping =
        new InferenceException.Unavailable(
            "the server stopped before this request's turn", UNAVAILABLE_RETRY);
    List<PendingRequest> answers = new ArrayList<>();
    for (ModelQueue queue : served) {
      List<PendingRequest> waiting = queue.all();
      for (PendingRequest request : waiting) {
        if (request.end(stopping)) {
          answers.add(request);
        }
        request.drop();
      }
      queue.removeLeavers();
      long now = ticker.nanoTime();
      lock.lock();
      try {
        for (PendingRequest request : waiting) {
          leaveLine(request);
          retire(request, now);
        }
      } finally {
        lock.unlock();
      }
    }
    answers.forEach(answer -> answer.deliver(completions));
    for (DeviceTask<?> task = tasks.poll(); task != null; task = tasks.poll()) {
      CompletableFuture<?> result = task.result();
      complete(() -> result.completeExceptionally(stopping));
    }
  }

  private void stop() {
    List<ModelQueue> left;
    lock.lock();
    try {
      stopped = true;
      left = List.copyOf(registered);
    } finally {
      lock.unlock();
    }
    for (ModelQueue queue : left) {
      CompletableFuture<Void> leaving = queue.leaving;
      if (leaving != null) {
        complete(() -> leaving.complete(null));
      }
    }
  }

  /// The end after a bug of our own: every request is answered all the same.
  private void stopAfter(Throwable bug) {
    lock.lock();
    try {
      draining = true;
      closing = true;
      computing = false;
    } finally {
      lock.unlock();
    }
    for (ModelQueue queue : served) {
      tell(() -> listener.modelFailed(queue, bug));
    }
    String id = faultId();
    InferenceException failure = new InferenceException.DeviceFault(id);
    LOG.error("fault {}: the batcher itself failed and stops, all requests are refused", id, bug);
    if (current != null) {
      for (Slice<PendingRequest> slice : current.slices()) {
        if (slice.request().end(failure)) {
          slice.request().deliver(completions);
        }
      }
    }
    takeIn();
    abandonAll();
    stop();
  }

  private void complete(Runnable completion) {
    try {
      completions.execute(completion);
    } catch (RejectedExecutionException stoppedEarly) {
      // As in PendingRequest#deliver.
      completion.run();
    }
  }

  private void tell(Runnable news) {
    try {
      news.run();
    } catch (RuntimeException ignored) {
      LOG.warn("a batch listener failed", ignored);
    }
  }
}
