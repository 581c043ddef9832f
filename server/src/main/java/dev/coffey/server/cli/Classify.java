package dev.coffey.server.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.coffey.client.CoffeyClient;
import dev.coffey.proto.v1.ClassifyRequest;
import dev.coffey.proto.v1.ClassifyResponse;
import dev.coffey.proto.v1.ClassifyResult;
import dev.coffey.proto.v1.LabelScore;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Collectors;
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
            response.getResultsList().stream().map(result -> reply(response, result)).toList());
  }

  private TextReply reply(ClassifyResponse response, ClassifyResult result) {
    if (result.hasError()) {
      return TextReply.error(result.getError());
    }
    List<LabelScore> labels = result.getClassification().getLabelsList();
    ObjectNode json = JsonNodeFactory.instance.objectNode();
    ArrayNode list = json.putArray("labels");
    for (LabelScore label : labels) {
      list.addObject()
          .put("label", label.getLabel())
          .put("score", label.getScore())
          .put("index", label.getIndex());
    }
    TextReply.usage(json, result.getUsage());
    TextReply.info(json, response.getInfo());
    String plain =
        labels.stream()
            .limit(topK == 0 ? 1 : topK)
            .map(
                label -> String.format(Locale.ROOT, "%s\t%.4f", label.getLabel(), label.getScore()))
            .collect(Collectors.joining("\t"));
    return TextReply.result(plain, json);
  }
}
