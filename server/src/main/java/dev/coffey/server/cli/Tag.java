package dev.coffey.server.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.coffey.client.CoffeyClient;
import dev.coffey.proto.v1.Aggregation;
import dev.coffey.proto.v1.Entity;
import dev.coffey.proto.v1.TagRequest;
import dev.coffey.proto.v1.TagResponse;
import dev.coffey.proto.v1.TagResult;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/// `coffey tag`.
@Command(
    name = "tag",
    description =
        "Prints the entities of each text, as LABEL:piece. Exits with 1 if a text failed.")
final class Tag extends TextCommand {
  @Mixin private final TruncateOption truncate = new TruncateOption();

  @Option(
      names = "--aggregation",
      paramLabel = "STRATEGY",
      description = "How tokens become entities: ${COMPLETION-CANDIDATES} (default simple).")
  private Strategy aggregation = Strategy.simple;

  @Option(
      names = "--ignore-label",
      paramLabel = "LABEL",
      description = "Leave out entities of this label; as often as needed (default O).")
  private List<String> ignored = new ArrayList<>();

  /// The strategies of Hugging Face's pipeline.
  enum Strategy {
    none,
    simple,
    first,
    average,
    max
  }

  Tag(Surroundings surroundings) {
    super(surroundings);
  }

  @Override
  CompletableFuture<List<TextReply>> send(CoffeyClient client, String model, List<String> texts) {
    return client
        .tagAsync(
            TagRequest.newBuilder()
                .setModel(model)
                .addAllInputs(inputs(texts))
                .setOptions(truncate.options())
                .setAggregation(
                    switch (aggregation) {
                      case none -> Aggregation.AGGREGATION_NONE;
                      case simple -> Aggregation.AGGREGATION_SIMPLE;
                      case first -> Aggregation.AGGREGATION_FIRST;
                      case average -> Aggregation.AGGREGATION_AVERAGE;
                      case max -> Aggregation.AGGREGATION_MAX;
                    })
                .addAllIgnoreLabels(ignored)
                .build())
        .thenApply(response ->
            response.getResultsList().stream().map(result -> reply(response, result)).toList());
  }

  private static TextReply reply(TagResponse response, TagResult result) {
    if (result.hasError()) {
      return TextReply.error(result.getError());
    }
    List<Entity> entities = result.getTagging().getEntitiesList();
    ObjectNode json = JsonNodeFactory.instance.objectNode();
    ArrayNode list = json.putArray("entities");
    for (Entity entity : entities) {
      ObjectNode node =
          list.addObject()
              .put("label", entity.getLabel())
              .put("score", entity.getScore())
              .put("word", entity.getWord());
      TextReply.span(node, entity.getSpan());
    }
    TextReply.usage(json, result.getUsage());
    TextReply.info(json, response.getInfo());
    return TextReply.result(
        entities.stream()
            .map(entity -> entity.getLabel() + ":" + TextReply.line(entity.getSpan().getText()))
            .collect(Collectors.joining("\t")),
        json);
  }
}
