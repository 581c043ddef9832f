package dev.coffey.server.grpc;

import dev.coffey.proto.v1.Span;

/// Pieces of a text as responses show them.
final class Spans {
  private Spans() {}

  static Span of(dev.coffey.model.task.Span span) {
    return Span.newBuilder()
        .setText(span.text())
        .setStart(span.start())
        .setEnd(span.end())
        .setStartByte(span.startByte())
        .setEndByte(span.endByte())
        .build();
  }
}
