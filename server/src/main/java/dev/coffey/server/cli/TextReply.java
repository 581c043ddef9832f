package dev.coffey.server.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.google.rpc.Status;
import dev.coffey.proto.v1.ClassifyResult;
import dev.coffey.proto.v1.LabelScore;
import dev.coffey.proto.v1.ResponseInfo;
import dev.coffey.proto.v1.Span;
import dev.coffey.proto.v1.TokenUsage;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;

/// What a server said of one text.
///
/// @param plain the line for a person, without the text
/// @param json the members of the JSON object after `index` and `text`
/// @param error why there is no result
record TextReply(String plain, ObjectNode json, Optional<Status> error) {
  static TextReply result(String plain, ObjectNode json) {
    return new TextReply(plain, json, Optional.empty());
  }

  static TextReply error(Status status) {
    ObjectNode json = JsonNodeFactory.instance.objectNode();
    json.putObject("error")
        .put("code", io.grpc.Status.fromCodeValue(status.getCode()).getCode().name())
        .put("message", status.getMessage());
    return new TextReply("", json, Optional.of(status));
  }

  static void usage(ObjectNode json, TokenUsage usage) {
    json.put("tokens", usage.getRead()).put("cut", usage.getCut());
  }

  /// Labels with their scores, as `classify` and `zero-shot` have them.
  ///
  /// @param shown how many a person sees
  static TextReply labels(ResponseInfo info, ClassifyResult result, int shown) {
    if (result.hasError()) {
      return error(result.getError());
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
    usage(json, result.getUsage());
    info(json, info);
    return result(
        labels.stream()
            .limit(shown)
            .map(
                label -> String.format(Locale.ROOT, "%s\t%.4f", label.getLabel(), label.getScore()))
            .collect(Collectors.joining("\t")),
        json);
  }

  /// Where a piece of the text stands, in code points.
  static void span(ObjectNode json, Span span) {
    json.put("text", span.getText()).put("start", span.getStart()).put("end", span.getEnd());
  }

  /// A text within a line.
  static String line(String text) {
    return text.replaceAll("[\\t\\r\\n]+", " ");
  }

  static void info(ObjectNode json, ResponseInfo info) {
    json.put("model", info.getModel()).put("version", info.getVersion());
  }
}
