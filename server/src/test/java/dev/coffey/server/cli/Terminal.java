package dev.coffey.server.cli;

import dev.coffey.kernels.KernelsProvider;
import dev.coffey.server.Engines;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/// Runs commands in this process and keeps what they print.
final class Terminal {
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();
  private byte[] input = {};
  private Path root = Path.of("/");
  private Map<String, String> environment = Map.of();
  private List<KernelsProvider> backends = KernelsProvider.all();

  Terminal typing(String text) {
    return typing(text.getBytes(StandardCharsets.UTF_8));
  }

  Terminal typing(byte[] bytes) {
    input = bytes;
    return this;
  }

  Terminal root(Path folder) {
    root = folder;
    return this;
  }

  Terminal environment(Map<String, String> variables) {
    environment = variables;
    return this;
  }

  Terminal backends(List<KernelsProvider> providers) {
    backends = providers;
    return this;
  }

  int run(String... arguments) {
    return CommandLineInterface.run(surroundings(), arguments);
  }

  /// What a command sees.
  Surroundings surroundings() {
    return new Surroundings(
        new ByteArrayInputStream(input),
        new PrintStream(out, true, StandardCharsets.UTF_8),
        new PrintStream(err, true, StandardCharsets.UTF_8),
        environment,
        2,
        root,
        "coffey",
        "1.2.3",
        config -> Engines.open(config, backends));
  }

  List<String> out() {
    return out.toString(StandardCharsets.UTF_8).lines().toList();
  }

  List<String> err() {
    return err.toString(StandardCharsets.UTF_8).lines().toList();
  }
}
