package dev.coffey.server.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.coffey.client.CoffeyClient;
import dev.coffey.proto.v1.GetModelRequest;
import dev.coffey.proto.v1.GetModelResponse;
import dev.coffey.proto.v1.ModelState;
import dev.coffey.proto.v1.ModelSummary;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/// `coffey models`.
@Command(name = "models", description = "Prints the models of a server, one a line.")
final class Models implements Callable<Integer> {
  private final Surroundings surroundings;
  @Mixin private final ClientOptions options = new ClientOptions();

  Models(Surroundings surroundings) {
    this.surroundings = surroundings;
  }

  @Override
  public Integer call() {
    try (ClientOptions.Session session = options.open(surroundings)) {
      CoffeyClient client = session.client();
      List<ModelSummary> models =
          client.listModels().stream()
              .filter(model -> options.model().isEmpty() || model.getName().equals(options.model()))
              .toList();
      if (models.isEmpty() && !options.model().isEmpty()) {
        // The server's own answer names what is near.
        client.getModel(options.model());
      }
      for (ModelSummary model : models) {
        GetModelResponse detail =
            model.getState() == ModelState.MODEL_STATE_READY
                ? client.getModel(
                    GetModelRequest.newBuilder()
                        .setModel(model.getName())
                        .setVersion(model.getVersion())
                        .build())
                : GetModelResponse.newBuilder().setSummary(model).build();
        surroundings.out().println(options.json() ? json(detail) : plain(detail));
      }
      return CommandLineInterface.DONE;
    }
  }

  private static String plain(GetModelResponse model) {
    ModelSummary summary = model.getSummary();
    String head =
        "%s\tversion %s\t%s\t%s"
            .formatted(
                summary.getName(),
                summary.getVersion(),
                state(summary),
                String.join(",", tasks(summary)));
    return summary.getState() == ModelState.MODEL_STATE_READY
        ? head
            + "\t%s, %d layers of %d, %.1f M parameters, %d tokens, %s %s%s"
                .formatted(
                    model.getFamily(),
                    model.getLayers(),
                    model.getHiddenSize(),
                    model.getParameters() / 1e6,
                    model.getMaxTokens(),
                    model.getBackend(),
                    model.getPrecision(),
                    // One device is the rule and needs no words.
                    model.getDevicesCount() > 1
                        ? " on " + String.join("; ", model.getDevicesList())
                        : "")
        : head + (summary.getMessage().isEmpty() ? "" : "\t" + summary.getMessage());
  }

  private static ObjectNode json(GetModelResponse model) {
    ModelSummary summary = model.getSummary();
    ObjectNode json = JsonNodeFactory.instance.objectNode();
    json.put("name", summary.getName())
        .put("version", summary.getVersion())
        .put("state", state(summary));
    ArrayNode tasks = json.putArray("tasks");
    tasks(summary).forEach(tasks::add);
    if (!summary.getMessage().isEmpty()) {
      json.put("message", summary.getMessage());
    }
    if (summary.getState() == ModelState.MODEL_STATE_READY) {
      json.put("family", model.getFamily())
          .put("architecture", model.getArchitecture())
          .put("max_tokens", model.getMaxTokens())
          .put("vocabulary", model.getVocabulary())
          .put("hidden_size", model.getHiddenSize())
          .put("layers", model.getLayers())
          .put("parameters", model.getParameters());
      ArrayNode labels = json.putArray("labels");
      model.getLabelsList().forEach(labels::add);
      ArrayNode surplus = json.putArray("surplus_tensors");
      model.getSurplusTensorsList().forEach(surplus::add);
      json.put("backend", model.getBackend())
          .put("precision", model.getPrecision())
          .put(
              "load_seconds",
              model.getLoadTime().getSeconds() + model.getLoadTime().getNanos() / 1e9)
          .put("weight_bytes", model.getWeightBytes());
      ArrayNode devices = json.putArray("devices");
      model.getDevicesList().forEach(devices::add);
    }
    return json;
  }

  private static String state(ModelSummary model) {
    return word(model.getState().name(), "MODEL_STATE_");
  }

  private static List<String> tasks(ModelSummary model) {
    return model.getTasksList().stream()
        .map(task -> word(task.name(), "TASK_"))
        .collect(Collectors.toList());
  }

  private static String word(String name, String prefix) {
    // A newer server may have a word that this program doesn't know: UNRECOGNIZED, without the
    // prefix.
    String word = name.startsWith(prefix) ? name.substring(prefix.length()) : name;
    return word.toLowerCase(Locale.ROOT);
  }
}
