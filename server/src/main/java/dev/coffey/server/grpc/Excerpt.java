package dev.coffey.server.grpc;

/// Cuts what a client sent to a length that a message can quote: messages go into HTTP/2 trailers,
/// which clients limit to 8 KiB.
final class Excerpt {
  private static final int MOST = 80;

  private Excerpt() {}

  /// `text`, or its start followed by an ellipsis.
  static String of(String text) {
    if (text.length() <= MOST) {
      return text;
    }
    int end = Character.isHighSurrogate(text.charAt(MOST - 1)) ? MOST - 1 : MOST;
    return text.substring(0, end) + "…";
  }
}
