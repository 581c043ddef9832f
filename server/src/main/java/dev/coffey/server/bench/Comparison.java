package dev.coffey.server.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/// The model's throughput by batch, and beside it that of peers with the same batches in turns.
///
/// @param model its name
/// @param contestants who takes part; Coffey is the first
/// @param rows a workload each
public record Comparison(String model, List<Who> contestants, List<Row> rows) {
  /// Logits may differ by so much, absolutely and as a share: both sides' own error against double
  /// precision is below a tenth of it.
  private static final double AGREEMENT = 5e-5;

  /// A contestant and what it runs.
  public record Who(String name, String detail) {
    static Who of(Contestant contestant) {
      return new Who(contestant.name(), contestant.detail());
    }
  }

  /// A workload, and how fast each contestant is with it.
  ///
  /// @param agreement the largest difference of any logit from Coffey's
  public record Row(
      String workload, int texts, int tokens, double agreement, List<Turns.Result> results) {}

  /// Measures.
  ///
  /// @param progress is given each row when it is done
  /// @throws IllegalStateException if a peer's logits are not Coffey's
  public static Comparison run(
      String model,
      List<Contestant> contestants,
      List<Workload> workloads,
      Turns turns,
      Consumer<Row> progress)
      throws InterruptedException {
    List<Row> rows = new ArrayList<>();
    for (Workload workload : workloads) {
      double agreement = agreement(contestants, workload);
      List<Turns.Entry> entries = new ArrayList<>();
      for (Contestant contestant : contestants) {
        entries.add(
            new Turns.Entry(
                contestant.name(),
                workload.texts(),
                workload.tokens(),
                times -> contestant.seconds(workload, times)));
      }
      Row row =
          new Row(
              workload.name(), workload.texts(), workload.tokens(), agreement, turns.run(entries));
      rows.add(row);
      progress.accept(row);
    }
    return new Comparison(model, contestants.stream().map(Who::of).toList(), rows);
  }

  /// The largest difference of a logit between the first of them and any other.
  ///
  /// @throws IllegalStateException if one is not what the first computes
  public static double agreement(List<Contestant> contestants, Workload workload) {
    double largest = 0;
    float[][] first = contestants.getFirst().logits(workload);
    for (Contestant other : contestants.subList(1, contestants.size())) {
      largest = Math.max(largest, difference(first, other.logits(workload), other.name()));
    }
    return largest;
  }

  private static double difference(float[][] first, float[][] second, String name) {
    if (first.length != second.length) {
      throw new IllegalStateException(
          "%s gave logits of %d texts, not %d".formatted(name, second.length, first.length));
    }
    double largest = 0;
    for (int t = 0; t < first.length; t++) {
      if (first[t].length != second[t].length) {
        throw new IllegalStateException(
            "%s gave %d logits a text, not %d: is it the same model?"
                .formatted(name, second[t].length, first[t].length));
      }
      for (int i = 0; i < first[t].length; i++) {
        double difference = Math.abs((double) first[t][i] - second[t][i]);
        if (!(difference <= AGREEMENT * Math.max(1, Math.abs(first[t][i])))) {
          throw new IllegalStateException(
              "%s does not compute what Coffey does: text %d, label %d: %s instead of %s"
                  .formatted(name, t, i, second[t][i], first[t][i]));
        }
        largest = Math.max(largest, difference);
      }
    }
    return largest;
  }
}
