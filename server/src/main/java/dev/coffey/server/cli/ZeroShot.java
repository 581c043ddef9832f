package dev.coffey.server.cli;

import dev.coffey.client.CoffeyClient;
import dev.coffey.proto.v1.ZeroShotRequest;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/// `coffey zero-shot`.
@Command(
    name = "zero-shot",
    description =
        "Prints the label of one's own that fits each text best, with its score. Exits with 1 if a text failed.")
final class ZeroShot extends TextCommand {
  @Mixin private final TruncateOption truncate = new TruncateOption();

  @Option(
      names = "--labels",
      paramLabel = "LABEL",
      split = ",",
      required = true,
      description = "The labels, parted by commas.")
  private List<String> labels = new ArrayList<>();

  @Option(
      names = "--template",
      paramLabel = "TEXT",
      description = "The hypothesis, with {} where the label goes (default 'This example is {}.').")
  private String template = "";

  @Option(
      names = "--multi-label",
      description = "Score each label on its own: several may be true.")
  private boolean multiLabel;

  ZeroShot(Surroundings surroundings) {
    super(surroundings);
  }

  /// Each label of each text is a pair for the model, and a request has at most 1024.
  @Override
  int textsPerRequest() {
    return Math.max(1, super.textsPerRequest() / labels.size());
  }

  @Override
  CompletableFuture<List<TextReply>> send(CoffeyClient client, String model, List<String> texts) {
    return client
        .zeroShotAsync(
            ZeroShotRequest.newBuilder()
                .setModel(model)
                .addAllInputs(inputs(texts))
                .setOptions(truncate.options())
                .addAllLabels(labels.stream().map(String::strip).toList())
                .setHypothesisTemplate(template)
                .setMultiLabel(multiLabel)
                .build())
        .thenApply(response ->
            response.getResultsList().stream()
                .map(result -> TextReply.labels(response.getInfo(), result, 1))
                .toList());
  }
}
