package dev.coffey.server.bench;

import java.util.Locale;

/// What texts of 512 tokens that take half of the compute do to the waits of texts of 16: both
/// arrive at random (Poisson), the short ones eight a second.
///
/// `tools/bench mixed TARGET [seconds]`, with a server running: `./coffey serve --models FOLDER`.
public final class ShortBesideLong {
  private static final double SHORTS_PER_SECOND = 8;

  private ShortBesideLong() {}

  public static void main(String[] args) throws Exception {
    int seconds = args.length > 1 ? Integer.parseInt(args[1]) : 40;
    try (Client shorts = new Client(args[0], "", 16);
        Client longs = new Client(args[0], "", 512)) {
      var _ = shorts.closedLoop(2, 5);
      double longMillis = 1000 / longs.closedLoop(1, 8);
      RequestTimes alone = shorts.openLoop(SHORTS_PER_SECOND, seconds);
      RequestTimes[] ofLongs = new RequestTimes[1];
      Thread beside =
          Thread.ofPlatform()
              .start(() -> {
                try {
                  ofLongs[0] = longs.openLoop(500 / longMillis, seconds);
                } catch (InterruptedException e) {
                  throw new IllegalStateException(e);
                }
              });
      RequestTimes mixed = shorts.openLoop(SHORTS_PER_SECOND, seconds);
      beside.join();
      System.out.printf(
          Locale.ROOT,
          """
          a text of 512 tokens alone: %.1f ms
          16 tokens alone             %s
          16 tokens beside 512        %s
          512 tokens                  %s
          p99 of 16 tokens: %.1f ms more than alone, %.2f times a text of 512 tokens
          """,
          longMillis,
          alone,
          mixed,
          ofLongs[0],
          mixed.quantile(0.99) - alone.quantile(0.99),
          (mixed.quantile(0.99) - alone.quantile(0.99)) / longMillis);
    }
  }
}
