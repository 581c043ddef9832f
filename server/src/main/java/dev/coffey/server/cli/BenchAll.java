package dev.coffey.server.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/// `coffey bench all`: the other measurements one after the other, each as a user would start it,
/// so that each says in the report how it can be run again alone.
@Command(
    name = "all",
    description =
        "Runs kernels, model, server (with long-tailed texts and an overload, and with sentences) and, where they are given, peers. The report has each as soon as it is done.")
final class BenchAll implements Callable<Integer> {
  private final Surroundings surroundings;

  @Option(names = "--models", paramLabel = "DIR", description = "As for the measurements.")
  private @Nullable String models;

  @Option(names = "--backend", paramLabel = "NAME", description = "As for the measurements.")
  private @Nullable String backend;

  @Option(names = "--threads", paramLabel = "N", description = "As for the measurements.")
  private @Nullable String threads;

  @Option(
      names = "--json",
      paramLabel = "FILE",
      required = true,
      description = "The report, as for the measurements.")
  private String json = "";

  @Option(names = "--html", paramLabel = "FILE", description = "The page of the report.")
  private @Nullable String html;

  @Option(names = "--onnx", paramLabel = "FILE", description = "As for peers.")
  private @Nullable String onnx;

  @Option(names = "--onnxruntime", paramLabel = "JAR", description = "As for peers.")
  private @Nullable String onnxRuntime;

  @Option(names = "--peer", paramLabel = "NAME=COMMAND", description = "As for peers.")
  private List<String> peers = List.of();

  BenchAll(Surroundings surroundings) {
    this.surroundings = surroundings;
  }

  @Override
  public Integer call() {
    for (List<String> measurement : measurements()) {
      surroundings.out().printf("%n> %s%n%n", String.join(" ", measurement));
      int code = CommandLineInterface.run(surroundings, measurement.toArray(String[]::new));
      if (code != CommandLineInterface.DONE) {
        return code;
      }
    }
    return CommandLineInterface.DONE;
  }

  private List<List<String>> measurements() {
    List<List<String>> all = new ArrayList<>();
    all.add(command("kernels").toList());
    all.add(ofModel("model").toList());
    all.add(
        join(
            ofModel("server"),
            "--mix",
            "long-tail",
            "--loads",
            "0.25,0.5,0.7,0.8,0.9,0.95,2,5",
            "--deadline",
            "1"));
    all.add(join(ofModel("server"), "--mix", "sst2", "--input", "text"));
    if (onnx != null || !peers.isEmpty()) {
      Stream<String> given =
          Stream.of(
                  option("--onnx", onnx),
                  option("--onnxruntime", onnxRuntime),
                  peers.stream().flatMap(peer -> option("--peer", peer)))
              .flatMap(each -> each);
      all.add(join(Stream.concat(ofModel("peers"), given), "--stream", "96"));
    }
    return all;
  }

  private static List<String> join(Stream<String> command, String... more) {
    return Stream.concat(command, Stream.of(more)).toList();
  }

  private Stream<String> ofModel(String measurement) {
    return Stream.concat(command(measurement), option("--models", models));
  }

  private Stream<String> command(String measurement) {
    return Stream.of(
            Stream.of("bench", measurement),
            option("--backend", backend),
            option("--threads", threads),
            option("--json", json),
            option("--html", html))
        .flatMap(each -> each);
  }

  private static Stream<String> option(String name, @Nullable String value) {
    return value == null ? Stream.of() : Stream.of(name, value);
  }
}
