package dev.coffey.server.cli;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.google.rpc.Status;
import dev.coffey.proto.v1.ResponseInfo;
import dev.coffey.proto.v1.TokenUsage;
import java.util.Optional;

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

  static void info(ObjectNode json, ResponseInfo info) {
    json.put("model", info.getModel()).put("version", info.getVersion());
  }
}
