package dev.coffey.server.batch;

import dev.coffey.model.Matrix;
import dev.coffey.model.TextInput;
import dev.coffey.server.failure.InferenceException;
import java.util.ArrayList;
import java.util.List;
import java.util.PriorityQueue;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/// A batcher, its clients and its device in virtual time, on one thread: what the device computes,
/// it computes by moving the clock, and clients act meanwhile. The batcher is the real one; only
/// its thread is missing.
final class Simulation implements AutoCloseable {
  static final long MILLI = 1_000_000L;
  static final long SECOND = 1_000 * MILLI;

  /// What a simulated device is like: a batch takes `(fixed + tokens·perToken)·noise`, and now and
  /// then a pause on top.
  ///
  /// @param noise batches' times spread evenly by ± this share
  /// @param pauseEvery a batch in so many is hit by a pause; 0 = none
  record Device(
      long fixedNanos, long perTokenNanos, double noise, int pauseEvery, long pauseNanos) {
    /// DistilBERT-base on two CPU cores.
    static final Device CPU_BASE = new Device(2 * MILLI, 500_000, 0.1, 200, 60 * MILLI);

    /// A small model on two CPU cores.
    static final Device CPU_SMALL = new Device(MILLI / 2, 20_000, 0.15, 200, 30 * MILLI);

    /// A GPU: launching costs as much as hundreds of tokens.
    static final Device GPU = new Device(MILLI, 3_000, 0.05, 0, 0);

    WarmUp warmUp(int maxTokens) {
      return new WarmUp(maxTokens, new BatchCost(fixedNanos, perTokenNanos));
    }

    /// Tokens a second in full batches, pauses not counted.
    double capacity(int maxTokens) {
      return maxTokens * 1e9 / (fixedNanos + (double) maxTokens * perTokenNanos);
    }
  }

  /// How one request fared.
  static final class Call {
    final int model;
    final int tokens;
    final Priority priority;
    final long submitted;
    final long deadline;
    final List<TextInput> texts;
    @Nullable Submission submission;
    @Nullable InferenceException refusal;
    @Nullable BatchResult result;
    @Nullable Throwable failure;
    int endings;
    long ended;

    Call(int model, List<TextInput> texts, Priority priority, long submitted, long deadline) {
      this.model = model;
      this.texts = texts;
      this.priority = priority;
      this.submitted = submitted;
      this.deadline = deadline;
      tokens = texts.stream().mapToInt(TextInput::tokens).sum();
    }

    boolean inTime() {
      return result != null && !Ticker.passed(deadline, ended);
    }

    @Override
    public String toString() {
      return "%s %d tokens, %d ms, %s"
          .formatted(
              priority,
              tokens,
              waitNanos() / MILLI,
              result != null ? "answered" : refusal != null ? refusal : failure);
    }

    long waitNanos() {
      return ended - submitted;
    }
  }

  private record Event(long at, long order, Runnable action) {}

  final Random random;
  final Batcher batcher;
  final List<ModelQueue> queues = new ArrayList<>();
  final List<Call> calls = new ArrayList<>();
  final BatchConfig config;
  private final PriorityQueue<Event> events =
      new PriorityQueue<>((a, b) ->
          a.at() != b.at() ? Long.compare(a.at(), b.at()) : Long.compare(a.order(), b.order()));
  private long now;
  private long order;
  private int mark;
  private boolean inBatch;
  long deviceNanos;

  /// What all devices' times are multiplied by at the moment: a neighbour on the machine.
  double slowness = 1;

  Simulation(long seed, BatchConfig config) {
    random = new Random(seed);
    this.config = config;
    // Near the overflow, where comparing by < instead of by difference goes wrong.
    now = Long.MAX_VALUE / 2;
    batcher = new Batcher(config, Runnable::run, () -> now, BatchListener.NONE);
  }

  long now() {
    return now;
  }

  int model(Device device, int maxTokens) {
    return model(device, device.warmUp(maxTokens));
  }

  int model(Device device, WarmUp warmUp) {
    queues.add(batcher.register("model" + queues.size(), texts -> run(device, texts), warmUp));
    return queues.size() - 1;
  }

  private List<List<Matrix>> run(Device device, List<TextInput> texts) {
    if (inBatch) {
      throw new AssertionError("two batches at once");
    }
    inBatch = true;
    long tokens = texts.stream().mapToLong(TextInput::tokens).sum();
    double noise = 1 + device.noise() * (2 * random.nextDouble() - 1);
    long nanos =
        (long) ((device.fixedNanos() + tokens * device.perTokenNanos()) * noise * slowness);
    if (device.pauseEvery() > 0 && random.nextInt(device.pauseEvery()) == 0) {
      nanos += device.pauseNanos();
    }
    deviceNanos += nanos;
    advance(now + nanos);
    inBatch = false;
    return Texts.answers(texts);
  }

  void at(long time, Runnable action) {
    events.add(new Event(time, order++, action));
  }

  /// Submits one request now; `then` hears of its end, also of a refusal.
  Call submit(int model, int[] lengths, Priority priority, long deadlineAfter, Runnable then) {
    List<TextInput> texts = new ArrayList<>();
    for (int length : lengths) {
      texts.add(Texts.text(length, mark++ & 0xFFFFF));
    }
    long deadline = deadlineAfter == Long.MAX_VALUE ? Ticker.NO_DEADLINE : now + deadlineAfter;
    Call call = new Call(model, texts, priority, now, deadline);
    calls.add(call);
    try {
      call.submission = batcher.submit(queues.get(model), texts, priority, deadline);
    } catch (InferenceException refusal) {
      call.refusal = refusal;
      call.endings++;
      call.ended = now;
      then.run();
      return call;
    }
    var _ =
        call.submission
            .result()
            .whenComplete((result, failure) -> {
              call.endings++;
              call.ended = now;
              call.result = result;
              call.failure = failure;
              then.run();
            });
    return call;
  }

  /// Runs until `end`, then lets what waits come to its end with no more arrivals.
  void runUntil(long end) {
    while (true) {
      long idle = batcher.pass();
      if (idle == 0) {
        continue;
      }
      Event next = events.peek();
      if (next == null || next.at() > end) {
        if (idle == Long.MAX_VALUE) {
          now = Math.max(now, end);
          return;
        }
        now += idle;
        continue;
      }
      advance(idle == Long.MAX_VALUE ? next.at() : Math.min(next.at(), now + idle));
    }
  }

  private void advance(long to) {
    while (true) {
      Event next = events.peek();
      if (next == null || next.at() > to) {
        break;
      }
      events.remove();
      now = Math.max(now, next.at());
      next.action().run();
    }
    now = Math.max(now, to);
  }

  /// Requests of `lengths` arriving at random, `perSecond` on average, from now until `end`.
  void arrivals(
      int model, double perSecond, long end, Lengths lengths, Priority priority, long deadline) {
    long gap = (long) (-Math.log(1 - random.nextDouble()) / perSecond * SECOND);
    long next = now + gap;
    if (next >= end) {
      return;
    }
    at(
        next,
        () -> {
          submit(model, lengths.draw(random), priority, deadline, () -> {});
          arrivals(model, perSecond, end, lengths, priority, deadline);
        });
  }

  /// A client that sends one request after the other, the next `thinkNanos` after an answer and
  /// `refusedNanos` after a refusal.
  void client(
      int model, long end, Lengths lengths, long deadline, long thinkNanos, long refusedNanos) {
    if (now >= end) {
      return;
    }
    submit(
        model,
        lengths.draw(random),
        Priority.NORMAL,
        deadline,
        () -> {
          Call last = calls.getLast();
          long pause = last.refusal != null ? refusedNanos : thinkNanos;
          at(now + pause, () -> client(model, end, lengths, deadline, thinkNanos, refusedNanos));
        });
  }

  /// The texts of a request.
  interface Lengths {
    int[] draw(Random random);

    /// Mostly short texts, some long: 8 tokens to `most`, an average near `8 + most/4`; 1 to
    /// `texts` of them.
    static Lengths skewed(int most, int texts) {
      return random -> {
        int[] lengths = new int[1 + random.nextInt(texts)];
        for (int i = 0; i < lengths.length; i++) {
          double share = random.nextDouble();
          lengths[i] = 8 + (int) ((most - 8) * share * share * share);
        }
        return lengths;
      };
    }
  }

  double meanTokens(Lengths lengths) {
    Random sample = new Random(1);
    long sum = 0;
    for (int i = 0; i < 2000; i++) {
      for (int length : lengths.draw(sample)) {
        sum += length;
      }
    }
    return sum / 2000.0;
  }

  long tokensInTime(int model) {
    return calls.stream()
        .filter(c -> c.model == model && c.inTime())
        .mapToLong(c -> c.tokens)
        .sum();
  }

  @Override
  public void close() {
    batcher.close();
    batcher.pass();
  }
}
