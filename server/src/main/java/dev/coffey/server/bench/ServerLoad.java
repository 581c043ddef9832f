package dev.coffey.server.bench;

import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// A server under load: first closed loops at rising numbers of clients, which find its peak; then
/// open loops at shares of that peak, or at given rates; then the peak once more.
///
/// @param name what the report calls it
/// @param target what answers, for a person
/// @param deadlineMillis of the open loops' requests; 0 for none
/// @param peak texts a second in closed loops of its best number of clients: the mean of one before
///   and one after the open loops
/// @param peakTokens likewise, tokens a second
public record ServerLoad(
    String name,
    String target,
    String model,
    String input,
    String mix,
    double meanTokens,
    double deadlineMillis,
    int peakClients,
    double peak,
    double peakTokens,
    List<Step> closed,
    List<Step> open,
    @Nullable RequestOverhead overhead) {

  /// What to do.
  ///
  /// @param clients of the closed loops
  /// @param loads of the open loops, as multiples of the peak
  /// @param rates of more open loops, in requests a second
  /// @param length of each loop; the first seconds of the first one are not measured
  /// @param deadline of the open loops' requests; zero for none
  /// @param overheadRequests how many requests measure the overhead; 0 for none
  public record Plan(
      List<Integer> clients,
      List<Double> loads,
      List<Double> rates,
      Duration length,
      Duration deadline,
      int overheadRequests) {}

  private static final long SEED = 2;

  /// Loads the server.
  ///
  /// @param metrics where the server shows them
  /// @param progress is given each step when it is done
  /// @throws LoadFailure if requests fail that are not refused
  public static ServerLoad run(
      String name,
      String description,
      String model,
      InferTarget.Input input,
      LengthMix mix,
      InferTarget target,
      Optional<URI> metrics,
      Plan plan,
      Consumer<Step> progress)
      throws InterruptedException {
    RequestOverhead overhead =
        plan.overheadRequests() == 0
            ? null
            : RequestOverhead.measure(target.channel(), model, plan.overheadRequests(), metrics);
    // Compiles both sides, lets a server warm up that does so while it serves, and finds out
    // whether
    // it takes the requests at all.
    var _ = LoadRun.closed(target, 2, plan.length().multipliedBy(2), Duration.ZERO);
    List<Step> closed = new ArrayList<>();
    for (int clients : plan.clients()) {
      Step step =
          observed(metrics, () -> LoadRun.closed(target, clients, plan.length(), Duration.ZERO));
      closed.add(step);
      progress.accept(step);
    }
    int best =
        closed.stream()
            .max(Comparator.comparingDouble(Step::tokensPerSecond))
            .map(Step::clients)
            .orElse(1);
    // The best of several short steps is the luckiest: the peak is what its clients give again.
    Step before = LoadRun.closed(target, best, plan.length(), Duration.ZERO);
    List<Double> rates = new ArrayList<>();
    plan.loads().forEach(load -> rates.add(load * before.textsPerSecond()));
    rates.addAll(plan.rates());
    List<Step> open = new ArrayList<>();
    for (double rate : rates) {
      Step step =
          observed(
              metrics,
              () ->
                  LoadRun.open(
                      target, new Arrivals(rate, SEED), rate, plan.length(), plan.deadline()));
      open.add(step);
      progress.accept(step);
    }
    Step after =
        open.isEmpty() ? before : LoadRun.closed(target, best, plan.length(), Duration.ZERO);
    double tokens = 0;
    for (int i = 0; i < target.requests(); i++) {
      tokens += target.tokens(i);
    }
    return new ServerLoad(
        name,
        description,
        model,
        input.name(),
        mix.label(),
        tokens / target.requests(),
        plan.deadline().toNanos() / 1e6,
        best,
        (before.textsPerSecond() + after.textsPerSecond()) / 2,
        (before.tokensPerSecond() + after.tokensPerSecond()) / 2,
        closed,
        open,
        overhead);
  }

  private interface Load {
    Step run() throws InterruptedException;
  }

  private static Step observed(Optional<URI> metrics, Load load) throws InterruptedException {
    if (metrics.isEmpty()) {
      return load.run();
    }
    MetricsReading before = MetricsReading.read(metrics.get());
    long start = System.nanoTime();
    Step step = load.run();
    double seconds = (System.nanoTime() - start) / 1e9;
    return step.with(ServerSide.between(before, MetricsReading.read(metrics.get()), seconds));
  }
}
