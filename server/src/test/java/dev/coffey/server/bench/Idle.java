package dev.coffey.server.bench;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.util.Locale;

/// What idle connections cost a server: memory each, CPU time, and the waits of requests beside
/// them.
///
/// `tools/bench idle PORT METRICS_URL [connections]`, with a server running on this machine:
/// `./coffey serve --metrics-port 9700`. Each takes a file descriptor on either side (`ulimit -n`).
public final class Idle {
  private static final int IDLE_MILLIS = 10_000;
  private static final double PER_SECOND = 50;
  private static final String RESIDENT = "process_resident_memory_bytes";

  private Idle() {}

  public static void main(String[] args) throws Exception {
    InetSocketAddress server =
        new InetSocketAddress(InetAddress.getLoopbackAddress(), Integer.parseInt(args[0]));
    URI metrics = URI.create(args[1]);
    int connections = args.length > 2 ? Integer.parseInt(args[2]) : 10_000;
    try (Client client = new Client("127.0.0.1:" + args[0], "", 16)) {
      var _ = client.openLoop(PER_SECOND, 20);
      RequestTimes without = client.openLoop(PER_SECOND, 10);
      double before = MetricsReading.read(metrics).value(RESIDENT);
      long start = System.nanoTime();
      try (IdleConnections idle = IdleConnections.open(server, connections)) {
        double openSeconds = (System.nanoTime() - start) / 1e9;
        double with = MetricsReading.read(metrics).value(RESIDENT);
        MetricsReading quiet = MetricsReading.read(metrics);
        Thread.sleep(IDLE_MILLIS);
        MetricsReading later = MetricsReading.read(metrics);
        System.out.printf(
            Locale.ROOT,
            """
            %d idle connections, opened in %.1f s: %.1f KiB of resident memory each (%.0f to %.0f MiB)
            idle for %d ms: %.0f ms of CPU time, two scrapes of the metrics included
            requests without them       %s
            requests beside them        %s
            """,
            idle.size(),
            openSeconds,
            (with - before) / idle.size() / 1024,
            before / (1 << 20),
            with / (1 << 20),
            IDLE_MILLIS,
            1e3 * later.since(quiet, "process_cpu_seconds_total"),
            without,
            client.openLoop(PER_SECOND, 10));
      }
    }
  }
}
