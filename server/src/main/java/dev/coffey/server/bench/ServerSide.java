package dev.coffey.server.bench;

/// What happened inside the server meanwhile, by its metrics.
///
/// @param tokenizeMillis of a request, mean
/// @param queueMillis of a request, mean
/// @param computeMillis of a batch, mean
/// @param batchTexts mean
/// @param batchTokens mean
/// @param busy share of the time that the device computed
/// @param expired share of it spent on requests that had expired when their batch began
/// @param unanswered share of it spent on requests that got no result
public record ServerSide(
    double tokenizeMillis,
    double queueMillis,
    double computeMillis,
    double batchTexts,
    double batchTokens,
    double busy,
    double expired,
    double unanswered) {

  static ServerSide between(MetricsReading before, MetricsReading after, double seconds) {
    double device = after.since(before, "coffey_device_seconds_total");
    return new ServerSide(
        1e3 * mean(before, after, "coffey_tokenize_seconds"),
        1e3 * mean(before, after, "coffey_queue_seconds"),
        1e3 * mean(before, after, "coffey_compute_seconds"),
        mean(before, after, "coffey_batch_texts"),
        mean(before, after, "coffey_batch_tokens"),
        device / seconds,
        share(after.since(before, "coffey_device_expired_seconds_total"), device),
        share(after.since(before, "coffey_device_unanswered_seconds_total"), device));
  }

  private static double mean(MetricsReading before, MetricsReading after, String histogram) {
    return share(
        after.since(before, histogram + "_sum"), after.since(before, histogram + "_count"));
  }

  private static double share(double part, double whole) {
    return whole > 0 ? part / whole : 0;
  }
}
