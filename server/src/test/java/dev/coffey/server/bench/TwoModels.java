package dev.coffey.server.bench;

import java.util.Locale;

/// How two models share the machine under equal load: 32 clients each, texts of 55 tokens.
///
/// `tools/bench models TARGET MODEL MODEL [seconds]`, with a server running: `./coffey serve
/// --models FOLDER` of two folders.
public final class TwoModels {
  private static final int TOKENS = 55;
  private static final int CLIENTS = 32;

  private TwoModels() {}

  public static void main(String[] args) throws Exception {
    int seconds = args.length > 3 ? Integer.parseInt(args[3]) : 20;
    try (Client first = new Client(args[0], args[1], TOKENS);
        Client second = new Client(args[0], args[2], TOKENS)) {
      var _ = first.closedLoop(CLIENTS, 3);
      var _ = second.closedLoop(CLIENTS, 3);
      double firstAlone = first.closedLoop(CLIENTS, seconds / 2);
      double secondAlone = second.closedLoop(CLIENTS, seconds / 2);
      double[] rate = new double[1];
      Thread beside =
          Thread.ofPlatform()
              .start(() -> {
                try {
                  rate[0] = second.closedLoop(CLIENTS, seconds);
                } catch (InterruptedException e) {
                  throw new IllegalStateException(e);
                }
              });
      double firstBoth = first.closedLoop(CLIENTS, seconds);
      beside.join();
      double both = firstBoth + rate[0];
      System.out.printf(
          Locale.ROOT,
          """
          alone: '%s' %.1f texts/s, '%s' %.1f texts/s
          both:  '%s' %.1f texts/s (%.1f %%), '%s' %.1f texts/s (%.1f %%), together %.2f times the mean of both alone
          """,
          args[1],
          firstAlone,
          args[2],
          secondAlone,
          args[1],
          firstBoth,
          100 * firstBoth / both,
          args[2],
          rate[0],
          100 * rate[0] / both,
          2 * both / (firstAlone + secondAlone));
    }
  }
}
