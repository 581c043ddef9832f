package dev.coffey.server.cli;

import dev.coffey.client.CoffeyClient;
import dev.coffey.proto.v1.ClassifyRequest;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/// `coffey classify`.
@Command(
    name = "classify",
    description =
        "Prints the best label of each text, with its score. Exits with 1 if a text failed.")
final class Classify extends TextCommand {
  @Mixin private final TruncateOption truncate = new TruncateOption();

  @Option(
      names = "--top-k",
      paramLabel = "N",
      description = "How many labels, best first (default: the best; with --json all).")
  private int topK;

  Classify(Surroundings surroundings) {
    super(surroundings);
  }

  @Override
  CompletableFuture<List<TextReply>> send(CoffeyClient client, String model, List<String> texts) {
    if (topK < 0) {
      throw new WrongUsage("--top-k = %d: must be 0 (all) or more".formatted(topK));
    }
    return client
        .classifyAsync(
            ClassifyRequest.newBuilder()
                .setModel(model)
                .addAllInputs(inputs(texts))
                .setOptions(truncate.options())
                .setTopK(topK)
                .build())
        .thenApply(response ->
            response.getResultsList().stream()
                .map(result -> TextReply.labels(response.getInfo(), result, topK == 0 ? 1 : topK))
                .toList());
  }
}
