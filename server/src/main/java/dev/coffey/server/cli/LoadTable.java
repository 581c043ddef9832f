package dev.coffey.server.cli;

import dev.coffey.server.bench.LengthMix;
import dev.coffey.server.bench.ServerLoad;
import dev.coffey.server.bench.ServerSide;
import dev.coffey.server.bench.Step;
import java.io.PrintStream;
import java.util.Locale;

/// Prints a load while it runs.
final class LoadTable {
  private final PrintStream out;

  LoadTable(PrintStream out) {
    this.out = out;
  }

  void head(String target, LengthMix mix) {
    out.printf("%s; texts: %s%n%n", target, mix.label());
    out.printf(
        "%-18s %8s %9s %8s %8s %8s %8s   %s%n",
        "load",
        "texts/s",
        "tokens/s",
        "p50 ms",
        "p90",
        "p99",
        "p99.9",
        "refused, late; in the server: tokenize, queue, compute ms, texts a batch");
  }

  void row(Step step) {
    String load =
        step.clients() > 0
            ? step.clients() + (step.clients() == 1 ? " client" : " clients")
            : String.format(Locale.ROOT, "%.1f a second", step.offered());
    out.printf(
        Locale.ROOT,
        "%-18s %8.1f %9.0f %8.2f %8.2f %8.2f %8.2f   %d, %d%s%n",
        load,
        step.textsPerSecond(),
        step.tokensPerSecond(),
        step.latency().p50(),
        step.latency().p90(),
        step.latency().p99(),
        step.latency().p999(),
        step.refused(),
        step.late(),
        step.server() == null ? "" : inside(step.server()));
    out.flush();
  }

  private static String inside(ServerSide server) {
    return String.format(
        Locale.ROOT,
        "; %.2f, %.2f, %.2f, %.1f",
        server.tokenizeMillis(),
        server.queueMillis(),
        server.computeMillis(),
        server.batchTexts());
  }

  void end(ServerLoad load) {
    out.printf(
        Locale.ROOT,
        "peak, before and after: %.1f texts/s (%.0f tokens/s), %d clients%n",
        load.peak(),
        load.peakTokens(),
        load.peakClients());
    for (Step step : load.open()) {
      if (step.offered() > load.peak()) {
        out.printf(
            Locale.ROOT,
            "at %.1f times the peak: goodput %.2f of it in texts, %.2f in tokens; refused in %.2f ms (p50), %.2f ms (p99)%n",
            step.offered() / load.peak(),
            step.textsPerSecond() / load.peak(),
            step.tokensPerSecond() / load.peakTokens(),
            step.refusal().p50(),
            step.refusal().p99());
      }
    }
    if (load.overhead() != null) {
      out.printf(
          Locale.ROOT,
          "overhead: request %.0f us, of it tokenize %.0f, compute %.0f; outside both %.0f, an empty RPC %.0f: %.0f us beyond it%n",
          load.overhead().request(),
          load.overhead().tokenize(),
          load.overhead().compute(),
          load.overhead().outside(),
          load.overhead().empty(),
          load.overhead().beyondEmpty());
      if (load.overhead().allocatedBytes() != null) {
        out.printf(
            Locale.ROOT,
            "the server allocates %.1f KiB for both%n",
            load.overhead().allocatedBytes() / 1024);
      }
    }
  }
}
