package dev.coffey.server.cli;

import dev.coffey.kernels.cuda.FakeCuda;
import dev.coffey.server.Engines;
import java.io.BufferedReader;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;

/// The process that [LostDeviceTest] starts: `coffey` as it is, on two cards that compute nothing.
/// A line `lose 0` on standard input loses the first, `fail 1` fails the next call to the second.
final class LostDeviceRun {
  private LostDeviceRun() {}

  public static void main(String[] arguments) {
    FakeCuda.Cards cards = new FakeCuda.Cards(2);
    Thread.ofPlatform().daemon().start(() -> obey(cards));
    Surroundings surroundings =
        new Surroundings(
            InputStream.nullInputStream(),
            System.out,
            System.err,
            System.getenv(),
            2,
            Path.of("/"),
            "coffey",
            "test",
            config -> Engines.open(config, List.of(cards)));
    int code = CommandLineInterface.run(surroundings, arguments);
    System.out.flush();
    System.err.flush();
    Runtime.getRuntime().halt(code);
  }

  private static void obey(FakeCuda.Cards cards) {
    new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8))
        .lines()
        .forEach(line -> {
          int card = Integer.parseInt(line.substring(line.indexOf(' ') + 1));
          if (line.startsWith("lose")) {
            cards.lose(card);
          } else {
            cards.failOnce(card);
          }
          System.out.println("done: " + line);
        });
  }
}
