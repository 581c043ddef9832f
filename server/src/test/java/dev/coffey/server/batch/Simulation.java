package dev.coffey.server.batch;

import dev.coffey.model.BatchRunner;
import dev.coffey.model.Matrix;
import dev.coffey.model.TextInput;
import dev.coffey.server.failure.InferenceException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/// A batcher, its clients and its devices in virtual time, on one thread: what a device computes
/// ends when the clock comes to it, and clients act meanwhile. The batcher is the real one; only
/// its threads are missing.
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
  private final PriorityQueue<Event> endings = new PriorityQueue<>(events.comparator());

  /// For each device, when it has done what was begun.
  private final long[] freeAt;

  /// Batches begun and not ended, for each device.
  private final int[] underWay;

  private final int inFlight;
  private long now;
  private long order;
  private int mark;

  /// Between a batch's cut and its beginning, while nothing of it is on the device.
  long stagingNanos;

  /// Which of the devices are lost.
  final boolean[] lost;

  /// What all devices' times are multiplied by at the moment: a neighbour on the machine.
  double slowness = 1;

  /// With one device that computes one batch at a time.
  Simulation(long seed, BatchConfig config) {
    this(seed, config, 1, 1);
  }

  Simulation(long seed, BatchConfig config, int devices, int inFlight) {
    this.inFlight = inFlight;
    random = new Random(seed);
    this.config = config;
    // Near the overflow, where comparing by < instead of by difference goes wrong.
    now = Long.MAX_VALUE / 2;
    freeAt = new long[devices];
    Arrays.fill(freeAt, now);
    underWay = new int[devices];
    lost = new boolean[devices];
    batcher = new Batcher(config, devices, inFlight, Runnable::run, () -> now, BatchListener.NONE);
  }

  long now() {
    return now;
  }

  int model(Device device, int maxTokens) {
    return model(device, device.warmUp(maxTokens));
  }

  int model(Device device, WarmUp warmUp) {
    Map<Integer, BatchRunner> runners = new HashMap<>();
    for (int ordinal = 0; ordinal < freeAt.length; ordinal++) {
      runners.put(ordinal, new Runner(device, ordinal));
    }
    queues.add(batcher.register("model" + queues.size(), runners, warmUp));
    return queues.size() - 1;
  }

  private final class Runner implements BatchRunner {
    private final Device device;
    private final int ordinal;

    Runner(Device device, int ordinal) {
      this.device = device;
      this.ordinal = ordinal;
    }

    @Override
    public List<List<Matrix>> run(List<TextInput> texts) {
      throw new AssertionError("the batcher begins batches");
    }

    @Override
    public Batch start(List<TextInput> texts) {
      if (lost[ordinal]) {
        throw new LostDevice();
      }
      if (++underWay[ordinal] > inFlight) {
        throw new AssertionError("more batches at once than the device takes");
      }
      long tokens = texts.stream().mapToLong(TextInput::tokens).sum();
      double noise = 1 + device.noise() * (2 * random.nextDouble() - 1);
      long nanos =
          (long) ((device.fixedNanos() + tokens * device.perTokenNanos()) * noise * slowness);
      if (device.pauseEvery() > 0 && random.nextInt(device.pauseEvery()) == 0) {
        nanos += device.pauseNanos();
      }
      long done = Math.max(now + stagingNanos, freeAt[ordinal]) + nanos;
      freeAt[ordinal] = done;
      return () -> {
        if (now < done) {
          throw new AssertionError("finished before it was computed");
        }
        underWay[ordinal]--;
        if (lost[ordinal]) {
          throw new LostDevice();
        }
        return Texts.answers(texts);
      };
    }
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
      long idle = round();
      Event ending = endings.peek();
      Event event = events.peek();
      long until = ending != null ? ending.at() : Long.MAX_VALUE;
      if (idle != Long.MAX_VALUE) {
        until = Math.min(until, now + idle);
      }
      if (event != null && event.at() <= (until == Long.MAX_VALUE ? end : until)) {
        events.remove();
        now = Math.max(now, event.at());
        event.action().run();
      } else if (until == Long.MAX_VALUE) {
        now = Math.max(now, end);
        return;
      } else {
        now = Math.max(now, until);
        if (ending != null && ending.at() <= now) {
          endings.remove();
          ending.action().run();
        }
      }
    }
  }

  /// Lets every lane that is free do what there is to do now.
  ///
  /// @return how long there is nothing more
  private long round() {
    while (true) {
      long idle = Long.MAX_VALUE;
      boolean again = false;
      for (Lane lane : batcher.lanes()) {
        if (lane.flight != null) {
          continue;
        }
        long wait = batcher.begin(lane);
        if (lane.flight != null) {
          endings.add(
              new Event(
                  lane.flight.fault == null ? freeAt[lane.device.ordinal] : now,
                  order++,
                  () -> batcher.end(lane)));
          again = true;
        } else {
          again |= wait == 0;
          idle = Math.min(idle, wait);
        }
      }
      if (!again) {
        return idle;
      }
    }
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
    batcher.lanes().forEach(batcher::begin);
  }
}
