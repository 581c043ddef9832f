package dev.coffey.server.cli;

import dev.coffey.server.bench.Comparison;
import dev.coffey.server.bench.Contestant;
import dev.coffey.server.bench.Spread;
import dev.coffey.server.bench.Turns;
import java.io.PrintStream;
import java.util.List;
import java.util.Locale;

/// Prints a comparison while it is measured.
final class ComparisonTable {
  private final PrintStream out;

  ComparisonTable(PrintStream out) {
    this.out = out;
  }

  void head(List<Contestant> contestants) {
    for (Contestant contestant : contestants) {
      out.printf("%-12s %s%n", contestant.name(), contestant.detail());
    }
    out.println();
    out.printf("%-45s %9s %9s %9s", "texts x tokens", "ms", "texts/s", "tokens/s");
    out.println(
        contestants.size() > 1
            ? "   coffey is faster by (least to most)"
            : "   ms (least to most)");
  }

  void row(Comparison.Row row) {
    String workload = row.workload();
    for (Turns.Result result : row.results()) {
      print("%-30s %-14s".formatted(workload, result.name()), result, row.results().size());
      workload = "";
    }
  }

  /// Lines of texts that have no workload of their own to tell.
  void stream(List<Turns.Result> results) {
    results.forEach(result -> print(result.name(), result, results.size()));
  }

  private void print(String label, Turns.Result result, int contestants) {
    Spread spread = result.ratio() == null ? result.milliseconds() : result.ratio();
    out.printf(
        Locale.ROOT,
        "%-45s %9.2f %9.1f %9.0f   %s%n",
        label,
        result.milliseconds().median(),
        result.textsPerSecond().median(),
        result.tokensPerSecond().median(),
        result.ratio() == null && contestants > 1
            ? ""
            : String.format(
                Locale.ROOT,
                "%.2f (%.2f to %.2f)",
                spread.median(),
                spread.least(),
                spread.most()));
    out.flush();
  }
}
