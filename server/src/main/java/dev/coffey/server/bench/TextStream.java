package dev.coffey.server.bench;

import java.util.ArrayList;
import java.util.List;

/// Texts of mixed lengths as they come: each sent to a server on its own, against peers that
/// compute them in padded batches, in the order of arrival and, what no server can do, sorted by
/// length.
///
/// @param clients how many requests are in flight
/// @param batch texts in a peer's batch
/// @param results the server's first
public record TextStream(
    String model,
    String mix,
    int texts,
    int tokens,
    int clients,
    int batch,
    List<Comparison.Who> contestants,
    List<Turns.Result> results) {

  /// Measures.
  ///
  /// @param description of the server
  public static TextStream run(
      String model,
      String target,
      String description,
      LengthMix mix,
      Workload workload,
      int clients,
      int batch,
      List<Contestant> peers,
      Turns turns)
      throws InterruptedException {
    Workload sorted = workload.sorted(batch);
    List<Turns.Entry> entries = new ArrayList<>();
    List<Comparison.Who> who = new ArrayList<>();
    try (InferTarget server = InferTarget.of(target, model, workload)) {
      who.add(new Comparison.Who("coffey", description));
      entries.add(
          entry(
              "coffey",
              workload,
              times -> {
                double seconds = 0;
                for (int i = 0; i < times; i++) {
                  seconds += LoadRun.all(server, clients);
                }
                return seconds;
              }));
      for (Contestant peer : peers) {
        who.add(Comparison.Who.of(peer));
        entries.add(
            entry(
                "%s, batches of %d".formatted(peer.name(), batch),
                workload,
                times -> peer.seconds(workload, times)));
        entries.add(
            entry(
                "%s, batches of %d sorted by length".formatted(peer.name(), batch),
                sorted,
                times -> peer.seconds(sorted, times)));
      }
      return new TextStream(
          model,
          mix.label(),
          workload.texts(),
          workload.tokens(),
          clients,
          batch,
          who,
          turns.run(entries));
    }
  }

  private static Turns.Entry entry(
      String name, Workload workload, java.util.function.IntToDoubleFunction seconds) {
    return new Turns.Entry(name, workload.texts(), workload.tokens(), seconds);
  }
}
