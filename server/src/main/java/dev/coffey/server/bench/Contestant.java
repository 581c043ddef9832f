package dev.coffey.server.bench;

/// Somebody who computes a classifier's logits of batches: Coffey, or a peer.
public interface Contestant extends AutoCloseable {
  /// A word for tables: `coffey`.
  String name();

  /// What runs, for a person: version, precision, threads.
  String detail();

  /// The logits of every text, in the workload's order.
  float[][] logits(Workload workload);

  /// Computes the whole workload `times` times, one batch after the other.
  ///
  /// @return seconds that it took
  double seconds(Workload workload, int times);

  @Override
  void close();
}
