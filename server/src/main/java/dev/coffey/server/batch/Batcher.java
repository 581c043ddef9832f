package dev.coffey.server.batch;

import dev.coffey.kernels.DeviceException;
import dev.coffey.model.BatchRunner;
import dev.coffey.model.Matrix;
import dev.coffey.model.TextInput;
import dev.coffey.server.batch.Admission.Backlog;
import dev.coffey.server.batch.Admission.Verdict;
import dev.coffey.server.batch.BatchPolicy.Opening;
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
import java.util.Map;
import java.util.Objects;
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

/// Gathers the texts of concurrent requests into batches for one device, or for several that share
/// the queues, and answers each request once.
///
/// ```
/// try (Batcher batcher = Batcher.start(config, executor, Ticker.SYSTEM, BatchListener.NONE)) {
///   ModelQueue queue = batcher.register("sst2", model, warmUp);
///   Submission submission = batcher.submit(queue, texts, Priority.NORMAL, deadlineNanos);
///   submission.result().thenAccept(result -> …);
/// }
/// ```
///
/// Threads: each device has as many lanes as batches may be under way on it, one on a CPU: a thread
/// that cuts a batch, begins it, waits for it and answers it, while another lane's is computed. A
/// lane that begins a batch or runs a task of [#onDevice] is the device's owner meanwhile, so that
/// one thread at a time does; a lane that cuts holds the queues. A batch is cut for the device that
/// is free first. All methods here may be called from any thread. Futures complete on the executor
/// given at the start. One answer of a batch may complete its future on the lane's thread itself,
/// where that saves a thread's wake-up and delays nobody: it is small and nothing waits for a
/// device.
///
/// A device that is lost takes no more batches, and the others go on. If none is left, what waits
/// and what comes is refused.
///
/// Locks, in the order of taking them: a device's owner, the queues, the ledgers' lock.
///
/// Whatever was admitted ends exactly once: with its result or with an [InferenceException], also
/// when the batcher closes.
public final class Batcher implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Batcher.class);

  /// What a caller is told to wait when the server is going away or not there yet: it should have
  /// found another by then.
  private static final Duration UNAVAILABLE_RETRY = Duration.ofSeconds(1);

  /// A batch that is not full is cut so long before those under way on its device ought to end:
  /// time to wake up, to cut, and to bring some thousand token ids to the device. Not sooner, so
  /// that it holds what came meanwhile.
  static final long LEAD_NANOS = 500_000;

  /// How long a lane's thread stays awake for a request that was announced. Tokenizing a sentence
  /// takes about 40 µs, waking a parked thread 50 µs or more.
  private static final long AWAIT_ANNOUNCED_NANOS = 200_000;

  /// Numbers in an answer that a lane may hand out itself: an embedding or a few hundred labels,
  /// written in microseconds.
  private static final int SMALL_ANSWER = 4096;

  private final BatchConfig config;
  private final Admission admission;
  private final Executor completions;
  private final Ticker ticker;
  private final BatchListener listener;

  private final List<Device> devices = new ArrayList<>();
  private final List<Lane> lanes = new ArrayList<>();

  /// Requests on their way from handlers to the queues.
  private final Queue<PendingRequest> inbox = new ConcurrentLinkedQueue<>();

  /// Whoever holds it has the queues to itself.
  private final ReentrantLock queues = new ReentrantLock();

  /// Guards the ledgers, the devices' state, and the fields from here to `draining`.
  private final ReentrantLock lock = new ReentrantLock();

  private final Condition nothingOpen = lock.newCondition();
  private final List<ModelQueue> registered = new ArrayList<>();
  private int open;
  private int lanesLeft;
  private boolean draining;

  /// Written under the lock.
  private volatile boolean closing;

  /// Written under the lock by the last lane.
  private volatile boolean stopped;

  /// Written under the lock: why no device is left; null while one is.
  private volatile @Nullable String allLost;

  private volatile boolean queuesChanged;

  /// Waking a lane: either who wakes sees that it is parked, or it sees this.
  private volatile boolean signalled;

  /// Until when a lane, if it has nothing else to do, waits for a request without parking.
  private volatile long awake;

  // The queues' holder's.
  private final FairShare<ModelQueue> share = new FairShare<>();
  private final List<ModelQueue> served = new ArrayList<>();
  private final List<ModelQueue> filling = new ArrayList<>();
  private long faults;

  /// Without threads: [#begin] and [#end] are for the caller to call.
  Batcher(
      BatchConfig config,
      int deviceCount,
      int inFlight,
      Executor completions,
      Ticker ticker,
      BatchListener listener) {
    this.config = config;
    this.completions = completions;
    this.ticker = ticker;
    this.listener = listener;
    admission = new Admission(config.queueMaxTokens(), config.queueMaxRequests());
    awake = ticker.nanoTime();
    for (int ordinal = 0; ordinal < deviceCount; ordinal++) {
      String name = "coffey-device" + (deviceCount == 1 ? "" : "-" + ordinal);
      Device device = new Device(ordinal, inFlight, name);
      devices.add(device);
      lanes.addAll(device.lanes);
    }
    lanesLeft = lanes.size();
  }

  /// A batcher for one device that computes one batch at a time, such as a CPU.
  ///
  /// @param completions runs what hangs on the futures; should be bounded by the requests in flight
  public static Batcher start(
      BatchConfig config, Executor completions, Ticker ticker, BatchListener listener) {
    return start(config, 1, 1, completions, ticker, listener);
  }

  /// A batcher whose lanes run.
  ///
  /// @param devices how many devices share the queues
  /// @param inFlight batches that may be under way at once on each
  /// @param completions runs what hangs on the futures; should be bounded by the requests in flight
  public static Batcher start(
      BatchConfig config,
      int devices,
      int inFlight,
      Executor completions,
      Ticker ticker,
      BatchListener listener) {
    Batcher batcher = new Batcher(config, devices, inFlight, completions, ticker, listener);
    for (Lane lane : batcher.lanes) {
      lane.thread =
          Thread.ofPlatform().name(lane.name).daemon().unstarted(() -> batcher.loop(lane));
    }
    for (Lane lane : batcher.lanes) {
      Objects.requireNonNull(lane.thread).start();
    }
    return batcher;
  }

  /// For who goes their way without threads.
  List<Lane> lanes() {
    return lanes;
  }

  // ---- for handlers and the registry, any thread

  /// As below, for one device.
  public ModelQueue register(String name, BatchRunner runner, WarmUp warmUp) {
    return register(name, Map.of(0, runner), warmUp);
  }

  /// Opens a queue for a model whose weights are loaded and whose kernels are warm.
  ///
  /// @param name for metrics and errors; two versions of a model may share it
  /// @param runners the model on each device that is not lost
  /// @param warmUp what it measured on one of them; they are taken to be alike
  public ModelQueue register(String name, Map<Integer, BatchRunner> runners, WarmUp warmUp) {
    for (Device device : devices) {
      if (!device.lost && !runners.containsKey(device.ordinal)) {
        throw new IllegalArgumentException(
            "model '%s' is not on device %d".formatted(name, device.ordinal));
      }
    }
    ModelQueue queue =
        new ModelQueue(this, name, runners, policy(warmUp), warmUp.cost(), ticker.nanoTime());
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

  /// Serves a model that was registered before it was warm as its warm-up says, from the next batch
  /// on. What was learned of its batches' cost until then is forgotten.
  public void warmedUp(ModelQueue queue, WarmUp warmUp) {
    lock.lock();
    try {
      queue.tune(policy(warmUp), warmUp.cost());
      queue.ledger().measured(warmUp.cost(), ticker.nanoTime());
    } finally {
      lock.unlock();
    }
  }

  private BatchPolicy policy(WarmUp warmUp) {
    return new BatchPolicy(
        config.maxTokens() > 0 ? config.maxTokens() : warmUp.maxTokens(),
        config.maxTexts(),
        config.maxDelay().toNanos(),
        config.aging().toNanos());
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
  /// would be refused in any case, so that no work is spent on it, and wakes a lane so that it need
  /// not be waited for. Takes nothing in.
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
    unparkOne();
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
      if (verdict
          instanceof Admission.Admit(long expectedNanos, long standsBackNanos, boolean probe)) {
        request.admitted(expectedNanos, standsBackNanos, probe);
        queue.ledger().admitted(request);
        open++;
        // Under the lock: once `closing` is set, nothing comes after what a lane then takes.
        inbox.add(request);
      }
    } finally {
      lock.unlock();
    }
    throwRefusal(verdict, queue, request.tokens(), deadlineNanos, now);
    wake();
    return request;
  }

  /// As below, for the only device or the first.
  public <T> CompletableFuture<T> onDevice(Callable<T> task) {
    return onDevice(0, task);
  }

  /// How many devices there are, lost ones included.
  public int devices() {
    return devices.size();
  }

  /// Whether a device can't be used any more by this process.
  ///
  /// @param device counted from 0
  public boolean lost(int device) {
    return devices.get(device).lost;
  }

  /// Runs a task as the owner of a device while no batch is under way on it, in the order of the
  /// calls: loading weights, warming up, freeing. The device's requests wait meanwhile. A lost
  /// device's tasks are run too, so that what is held for it can be let go.
  ///
  /// @param device counted from 0
  public <T> CompletableFuture<T> onDevice(int device, Callable<T> task) {
    Device.Task<T> pending = new Device.Task<>(task, new CompletableFuture<>());
    lock.lock();
    try {
      if (stopped || closing) {
        pending
            .result()
            .completeExceptionally(
                new InferenceException.Unavailable("the server is stopping", UNAVAILABLE_RETRY));
        return pending.result();
      }
      devices.get(device).tasks.add(pending);
    } finally {
      lock.unlock();
    }
    signalled = true;
    devices.get(device).lanes.forEach(Batcher::unpark);
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

  /// Stops after the batches in progress. What waits ends with `Unavailable`.
  @Override
  public void close() {
    lock.lock();
    try {
      draining = true;
      closing = true;
    } finally {
      lock.unlock();
    }
    wakeAll();
    boolean interrupted = false;
    for (Lane lane : lanes) {
      Thread thread = lane.thread;
      while (thread != null && thread.isAlive() && thread != Thread.currentThread()) {
        try {
          thread.join();
        } catch (InterruptedException stillJoining) {
          interrupted = true;
        }
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
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
        draining || queue.leaving != null || allLost != null
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

  /// Under the lock: of each device that is left.
  private long[] busyNanos(long now) {
    return devices.stream()
        .filter(device -> !device.lost)
        .mapToLong(device -> device.busyNanos(now))
        .toArray();
  }

  private void throwRefusal(
      Verdict verdict, ModelQueue queue, long tokens, long deadlineNanos, long now) {
    switch (verdict) {
      case Admission.Admit _ -> {}
      case Admission.Closed _ ->
          throw new InferenceException.Unavailable(
              allLost != null
                  ? allLost
                  : "model '%s' is not taking requests any more: it is being unloaded or the server is stopping"
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
    unparkOne();
  }

  private void wakeAll() {
    signalled = true;
    lanes.forEach(Batcher::unpark);
  }

  /// Wakes the sleeping lane whose device is free first. If it then finds that another device is,
  /// it wakes that one's. If none sleeps, all will look once more before they do.
  private void unparkOne() {
    Lane first = null;
    for (Lane lane : lanes) {
      if (lane.parked && (first == null || lane.device.before(first.device))) {
        first = lane;
      }
    }
    if (first != null) {
      unpark(first);
    }
  }

  private static void unpark(Lane lane) {
    lane.called = true;
    LockSupport.unpark(lane.thread);
  }

  // ---- the lanes

  private void loop(Lane lane) {
    try {
      while (!lane.left) {
        long wait = begin(lane);
        if (lane.flight != null) {
          end(lane);
        } else {
          park(lane, wait);
        }
      }
    } catch (Throwable bug) {
      // Not a runner's fault, those are caught where they run: the queues can't be trusted any
      // more.
      stopAfter(lane, bug);
    }
  }

  private void park(Lane lane, long nanos) {
    if (nanos == 0) {
      return;
    }
    awaitAnnounced(lane);
    lane.parked = true;
    if (!signalled && !lane.called) {
      if (nanos == Long.MAX_VALUE) {
        LockSupport.park(this);
      } else {
        LockSupport.parkNanos(this, nanos);
      }
    }
    lane.parked = false;
  }

  /// Yields rather than spins: where cores are few, the handler that gets the request ready needs
  /// this one.
  @SuppressWarnings("ThreadPriorityCheck") // nothing relies on it but speed
  private void awaitAnnounced(Lane lane) {
    while (!signalled && !lane.called && awake - ticker.nanoTime() > 0) {
      Thread.yield();
    }
  }

  /// One round of a lane: takes in what came, then runs one task or begins one batch, which [#end]
  /// must see to its end.
  ///
  /// @return how long there is nothing to do: 0 if there may be more at once, [Long#MAX_VALUE]
  ///   until woken
  long begin(Lane lane) {
    // Held already as the batch is cut: what is cut first begins first.
    lane.device.owner.lock();
    try {
      return beginAsOwner(lane);
    } finally {
      lane.device.owner.unlock();
    }
  }

  private long beginAsOwner(Lane lane) {
    Device.Task<?> task;
    long wait = 0;
    queues.lock();
    try {
      signalled = false;
      lane.called = false;
      boolean last = closing;
      takeIn();
      String lost = allLost;
      if (last) {
        abandonAll("the server stopped before this request's turn");
        leave(lane);
        return 0;
      }
      if (lost != null) {
        abandonQueues(lost);
      }
      task = nextTask(lane);
      if (task == null) {
        wait = cut(lane);
      }
    } finally {
      queues.unlock();
    }
    if (task != null) {
      runTask(lane, task);
      return 0;
    }
    Flight flight = lane.flight;
    if (flight != null) {
      try {
        flight.batch = flight.queue.runner(lane.device.ordinal).start(flight.texts());
      } catch (Throwable failure) {
        flight.fault = failure;
      }
    }
    return wait;
  }

  /// With the queues held.
  private Device.@Nullable Task<?> nextTask(Lane lane) {
    lock.lock();
    try {
      Device.Task<?> task = lane.device.idle() ? lane.device.tasks.poll() : null;
      if (task != null) {
        lane.busy = true;
        lane.device.began(0, ticker.nanoTime());
      }
      return task;
    } finally {
      lock.unlock();
    }
  }

  private <T> void runTask(Lane lane, Device.Task<T> task) {
    try {
      T value = task.work().call();
      complete(() -> task.result().complete(value));
    } catch (Throwable failure) {
      complete(() -> task.result().completeExceptionally(failure));
    } finally {
      lock.lock();
      try {
        lane.busy = false;
        lane.device.ended(ticker.nanoTime());
      } finally {
        lock.unlock();
      }
    }
  }

  /// With the queues held: the next batch for the lane, if it is its turn.
  private long cut(Lane lane) {
    boolean dropped = false;
    for (ModelQueue queue : served) {
      long now = ticker.nanoTime();
      dropped |= drop(queue, queue.sweep(now), now);
    }
    if (nothingInLine()) {
      // A model that leaves may have waited for no more than what was dropped.
      return dropped && queuesChanged ? 0 : Long.MAX_VALUE;
    }
    if (!isFirst(lane)) {
      return Long.MAX_VALUE;
    }
    filling.clear();
    long wait = Long.MAX_VALUE;
    while (true) {
      ModelQueue queue = share.next(each -> !each.isEmpty() && !filling.contains(each));
      if (queue == null) {
        return dropped && queuesChanged ? 0 : wait;
      }
      long now = ticker.nanoTime();
      Decision<PendingRequest> decision = decide(queue, lane.device, now);
      dropped |= drop(queue, decision.drops(), now);
      switch (decision.next()) {
        case Cut<PendingRequest> cut -> {
          lane.flight = leaveForDevice(queue, cut, lane);
          if (lanes.size() > 1 && !nothingInLine()) {
            wakeFirst();
          }
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

  private boolean nothingInLine() {
    for (ModelQueue queue : served) {
      if (!queue.isEmpty()) {
        return false;
      }
    }
    return true;
  }

  private Decision<PendingRequest> decide(ModelQueue queue, Device device, long now) {
    Opening opening;
    BatchCost cost;
    lock.lock();
    try {
      opening = new Opening(now + device.busyNanos(now), device.dueNanos(now) - LEAD_NANOS);
      cost = queue.meter().cautious();
    } finally {
      lock.unlock();
    }
    return queue.policy().decide(queue.view(), now, opening, cost);
  }

  /// Whether the lane's device is the one that is free first, of those that take a batch. If
  /// another is, that one's lanes are woken.
  private boolean isFirst(Lane lane) {
    lock.lock();
    try {
      Device first = first(ticker.nanoTime());
      if (lane.device.equals(first)) {
        return true;
      }
      unparkFree(first);
      return false;
    } finally {
      lock.unlock();
    }
  }

  /// More waits than the batch that was just cut.
  private void wakeFirst() {
    lock.lock();
    try {
      unparkFree(first(ticker.nanoTime()));
    } finally {
      lock.unlock();
    }
  }

  /// Under the lock.
  private static void unparkFree(@Nullable Device device) {
    if (device != null) {
      for (Lane lane : device.lanes) {
        if (!lane.busy) {
          unpark(lane);
        }
      }
    }
  }

  /// Under the lock.
  private @Nullable Device first(long now) {
    Device first = null;
    for (Device device : devices) {
      if (device.takesBatch() && (first == null || device.busyNanos(now) < first.busyNanos(now))) {
        first = device;
      }
    }
    return first;
  }

  /// With the queues held.
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

  private Flight leaveForDevice(ModelQueue queue, Cut<PendingRequest> cut, Lane lane) {
    long now;
    lock.lock();
    try {
      for (Slice<PendingRequest> slice : cut.slices()) {
        PendingRequest request = slice.request();
        request.advance(slice.to(), slice.tokens());
        queue
            .ledger()
            .left(request.priority(), slice.to() - slice.from(), slice.tokens(), request.allCut());
      }
      now = ticker.nanoTime();
      lane.busy = true;
      lane.device.began(queue.meter().cost().batchNanos(cut.tokens()), now);
    } finally {
      lock.unlock();
    }
    queue.removeLeaversAtFront();
    share.charge(queue, cut.tokens());
    // Asked of the requests themselves, not of the policy: what it missed must show in the
    // counters.
    return new Flight(queue, cut, uselessTokens(cut, now));
  }

  /// Waits for the batch that [#begin] began and answers what is answered by it.
  void end(Lane lane) {
    Flight flight = Objects.requireNonNull(lane.flight);
    ModelQueue queue = flight.queue;
    Cut<PendingRequest> cut = flight.cut;
    List<List<Matrix>> outputs = List.of();
    Throwable fault = flight.fault;
    if (fault == null) {
      try {
        outputs = Objects.requireNonNull(flight.batch).finish();
        if (outputs.size() != cut.texts()) {
          throw new IllegalStateException(
              "the model answered %d texts of a batch of %d"
                  .formatted(outputs.size(), cut.texts()));
        }
      } catch (Throwable failure) {
        fault = failure;
      }
    }
    InferenceException failure = fault == null ? null : fault(queue, lane.device, fault);

    long nanos;
    boolean nothingWaits;
    List<PendingRequest> answers = new ArrayList<>();
    lock.lock();
    try {
      long end = ticker.nanoTime();
      nanos = lane.device.ended(end);
      lane.busy = false;
      long uselessNow = Math.max(flight.useless, uselessTokens(cut, end));
      land(flight, outputs, failure, nanos, end, answers);
      if (failure == null) {
        queue.meter().measured(cut.tokens(), nanos);
      }
      Ledger ledger = queue.ledger();
      ledger.computed(
          cut.texts(),
          cut.tokens(),
          nanos,
          part(nanos, flight.useless, cut),
          part(nanos, uselessNow - flight.useless, cut));
      ledger.measured(queue.meter().cost(), end);
      for (Slice<PendingRequest> slice : cut.slices()) {
        if (slice.request().gone()) {
          retire(slice.request(), end);
        }
      }
      nothingWaits = nothingWaits();
    } finally {
      lock.unlock();
    }
    deliver(answers, nothingWaits);
    lane.flight = null;
    if (failure == null) {
      succeeded(queue, cut, nanos);
    }
  }

  /// Under the lock: hands the requests of a batch what it gave, and ends those that have all.
  private static void land(
      Flight flight,
      List<List<Matrix>> outputs,
      @Nullable InferenceException failure,
      long nanos,
      long end,
      List<PendingRequest> answers) {
    Cut<PendingRequest> cut = flight.cut;
    int next = 0;
    for (Slice<PendingRequest> slice : cut.slices()) {
      PendingRequest request = slice.request();
      request.inBatch(
          end - nanos, nanos, cut.tokens(), cut.texts(), part(nanos, slice.tokens(), cut));
      if (failure != null) {
        if (request.end(failure)) {
          answers.add(request);
        }
        if (!request.allCut()) {
          // Its other texts are dropped at the start of the next round, like those of a cancelled
          // one.
          flight.queue.endedInLine = true;
        }
        continue;
      }
      for (int i = slice.from(); i < slice.to(); i++) {
        request.output(i, outputs.get(next++));
      }
      if (request.allComputed()) {
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
  }

  private void deliver(List<PendingRequest> answers, boolean nothingWaits) {
    int left = answers.size();
    for (PendingRequest answer : answers) {
      left--;
      boolean direct = left == 0 && nothingWaits && answer.numbers() <= SMALL_ANSWER;
      answer.deliver(direct ? Runnable::run : completions);
    }
  }

  /// Under the lock.
  private boolean nothingWaits() {
    for (Device device : devices) {
      if (!device.tasks.isEmpty()) {
        return false;
      }
    }
    for (ModelQueue queue : registered) {
      if (queue.ledger().tokens() > 0) {
        return false;
      }
    }
    return true;
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

  /// With the queues held: ends what the policy gave up.
  private boolean drop(ModelQueue queue, List<Drop<PendingRequest>> drops, long now) {
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
    }
    leaveLine(drops.stream().map(Drop::request).toList(), now);
    // Also behind others: where the batch is left to grow, they would be met again.
    queue.removeLeavers();
    answers.forEach(answer -> answer.deliver(completions));
    return true;
  }

  /// With the queues held: what is left of ended requests waits no more.
  private void leaveLine(List<PendingRequest> requests, long now) {
    lock.lock();
    try {
      for (PendingRequest request : requests) {
        request
            .queue()
            .ledger()
            .left(
                request.priority(),
                request.texts() - request.nextText(),
                request.tokensLeft(),
                true);
        request.drop();
        if (request.gone()) {
          retire(request, now);
        }
      }
    } finally {
      lock.unlock();
    }
  }

  /// Under the lock: the request has ended and is in no line and no batch.
  private void retire(PendingRequest request, long now) {
    request.queue().ledger().retired(request, now);
    if (--open == 0) {
      nothingOpen.signalAll();
    }
  }

  private InferenceException fault(ModelQueue queue, Device device, Throwable cause) {
    queues.lock();
    try {
      String id = faultId();
      LOG.error("fault {}: a batch of model '{}' failed", id, queue.name(), cause);
      if (cause instanceof DeviceException failure && failure.deviceLost()) {
        lose(device, failure);
      } else {
        queue.faultsInARow++;
        if (cause instanceof Error || queue.faultsInARow >= config.faultLimit()) {
          failed(queue, cause);
        }
      }
      return new InferenceException.DeviceFault(id);
    } finally {
      queues.unlock();
    }
  }

  private void failed(ModelQueue queue, Throwable cause) {
    if (!queue.failed) {
      queue.failed = true;
      tell(() -> listener.modelFailed(queue, cause));
    }
  }

  /// With the queues held: the device takes no batch any more.
  private void lose(Device device, DeviceException cause) {
    int left;
    List<ModelQueue> all;
    lock.lock();
    try {
      if (device.lost) {
        return;
      }
      device.lost = true;
      left = (int) devices.stream().filter(each -> !each.lost).count();
      if (left == 0) {
        allLost = "no device is left that computes: the server must be restarted";
      }
      all = List.copyOf(registered);
    } finally {
      lock.unlock();
    }
    LOG.error(
        "device {} is lost for this process, {} of {} left: {}",
        device.ordinal,
        left,
        devices.size(),
        cause.getMessage());
    if (left == 0) {
      all.forEach(queue -> failed(queue, cause));
    }
    tell(() -> listener.deviceLost(device.ordinal, left, cause));
    // What waits goes to the other devices, or is refused.
    wakeAll();
  }

  private String faultId() {
    return Long.toHexString(ticker.nanoTime()) + "-" + Long.toHexString(++faults);
  }

  private void succeeded(ModelQueue queue, Cut<PendingRequest> cut, long nanos) {
    queues.lock();
    try {
      queue.faultsInARow = 0;
      if (queue.failed) {
        queue.failed = false;
        tell(() -> listener.modelRecovered(queue));
      }
      tell(() -> listener.batchComputed(queue, cut.tokens(), cut.texts(), nanos));
    } finally {
      queues.unlock();
    }
  }

  private void abandonQueues(String reason) {
    InferenceException failure = new InferenceException.Unavailable(reason, UNAVAILABLE_RETRY);
    List<PendingRequest> answers = new ArrayList<>();
    for (ModelQueue queue : served) {
      List<PendingRequest> waiting = queue.all();
      for (PendingRequest request : waiting) {
        if (request.end(failure)) {
          answers.add(request);
        }
      }
      leaveLine(waiting, ticker.nanoTime());
      queue.removeLeavers();
    }
    answers.forEach(answer -> answer.deliver(completions));
  }

  private void abandonAll(String reason) {
    abandonQueues(reason);
    for (Device device : devices) {
      for (Device.Task<?> task = device.tasks.poll(); task != null; task = device.tasks.poll()) {
        CompletableFuture<?> result = task.result();
        complete(() ->
            result.completeExceptionally(
                new InferenceException.Unavailable(reason, UNAVAILABLE_RETRY)));
      }
    }
  }

  /// The lane does nothing more; the last one tells those who wait for that.
  private void leave(Lane lane) {
    List<ModelQueue> left;
    lane.left = true;
    lock.lock();
    try {
      if (--lanesLeft > 0) {
        return;
      }
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
  private void stopAfter(Lane lane, Throwable bug) {
    lock.lock();
    try {
      draining = true;
      closing = true;
    } finally {
      lock.unlock();
    }
    queues.lock();
    try {
      served.forEach(queue -> tell(() -> listener.modelFailed(queue, bug)));
      String id = faultId();
      LOG.error("fault {}: the batcher itself failed and stops, all requests are refused", id, bug);
      Flight flight = lane.flight;
      if (flight != null) {
        InferenceException failure = new InferenceException.DeviceFault(id);
        for (Slice<PendingRequest> slice : flight.cut.slices()) {
          if (slice.request().end(failure)) {
            slice.request().deliver(completions);
          }
        }
      }
      takeIn();
      abandonAll("the server failed before this request's turn");
      leave(lane);
    } finally {
      queues.unlock();
    }
    wakeAll();
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
