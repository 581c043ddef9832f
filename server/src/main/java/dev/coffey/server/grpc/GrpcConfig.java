package dev.coffey.server.grpc;

import java.nio.file.Path;
import java.util.Optional;

/// The gRPC port and what one request may ask of it. The keys are `server.*` and `limits.*`.
///
/// @param host `server.host`: the address to listen on
/// @param port `server.port`; 0 = any that is free
/// @param tls `server.tls-cert`, `server.tls-key`; plain text without
/// @param handlerThreads `server.handler-threads`: threads that decode, tokenize and answer
/// @param maxMessageBytes `limits.message-size`: the largest request
/// @param maxMetadataBytes `limits.metadata-size`: the largest headers of a call
/// @param maxResponseBytes the largest answer; a request that needs more is refused before it is
///   computed
/// @param maxTexts `limits.texts-per-request`
/// @param maxRequestTokens `limits.request-tokens`: of all texts of a request together
/// @param maxCalls `limits.requests-in-flight`: calls that may be open at once, on all connections
///   together
public record GrpcConfig(
    String host,
    int port,
    Optional<Tls> tls,
    int handlerThreads,
    int maxMessageBytes,
    int maxMetadataBytes,
    int maxResponseBytes,
    int maxTexts,
    int maxRequestTokens,
    int maxCalls) {
  /// PEM files: the certificate chain, leaf first, and its private key (PKCS #8, without a
  /// password).
  public record Tls(Path certificate, Path key) {}

  /// A hidden state of 40 texts of 512 tokens of 768 numbers.
  public static final int DEFAULT_RESPONSE_BYTES = 64 << 20;

  /// What holds where nothing is set.
  public static final GrpcConfig DEFAULT =
      new GrpcConfig(
          "127.0.0.1",
          8500,
          Optional.empty(),
          Math.max(4, 2 * Runtime.getRuntime().availableProcessors()),
          16 << 20,
          8 << 10,
          DEFAULT_RESPONSE_BYTES,
          1024,
          65_536,
          1024);

  public GrpcConfig {
    if (host.isBlank()) {
      throw new IllegalArgumentException(
          "server.host is empty: give an address, such as 127.0.0.1 or 0.0.0.0");
    }
    between("server.port", port, 0, 65_535);
    between("server.handler-threads", handlerThreads, 1, 4096);
    between("limits.message-size", maxMessageBytes, 1024, 1 << 30);
    between("limits.metadata-size", maxMetadataBytes, 1024, 1 << 20);
    between("the largest answer", maxResponseBytes, 1024, 1 << 30);
    between("limits.texts-per-request", maxTexts, 1, 1 << 16);
    between("limits.request-tokens", maxRequestTokens, 1, 1 << 24);
    between("limits.requests-in-flight", maxCalls, 1, 1 << 20);
  }

  private static void between(String key, int value, int least, int most) {
    if (value < least || value > most) {
      throw new IllegalArgumentException(
          "%s = %d: must be from %d to %d".formatted(key, value, least, most));
    }
  }
}
