package dev.coffey.server.grpc;

import io.grpc.Server;
import io.grpc.netty.GrpcSslContexts;
import io.grpc.netty.NettyServerBuilder;
import io.netty.handler.ssl.SslContext;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.BindException;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The services on a TCP port, with epoll where the system has it.
public final class GrpcServer implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(GrpcServer.class);

  /// What a client's last messages may take to arrive once all calls have ended.
  private static final Duration GOODBYE = Duration.ofSeconds(2);

  /// A connection that was silent this long is probed: finds clients that vanished.
  private static final Duration KEEP_ALIVE = Duration.ofMinutes(2);

  /// A client that probes more often is disconnected. Load balancers' settings start at ten
  /// seconds.
  private static final Duration KEEP_ALIVE_LEAST = Duration.ofSeconds(10);

  private final Server server;
  private final GrpcServices services;

  private GrpcServer(Server server, GrpcServices services) {
    this.server = server;
    this.services = services;
  }

  /// Listens.
  ///
  /// @throws UncheckedIOException if the port can't be had, with a message for the user
  /// @throws IllegalArgumentException if certificate or key can't be used, likewise
  public static GrpcServer start(GrpcConfig config, GrpcServices services) {
    InetSocketAddress address = new InetSocketAddress(config.host(), config.port());
    if (address.isUnresolved()) {
      throw new UncheckedIOException(
          "can't listen on %s: no such host; give an address, such as 127.0.0.1 or 0.0.0.0"
              .formatted(config.host()),
          new UnknownHostException(config.host()));
    }
    NettyServerBuilder builder =
        NettyServerBuilder.forAddress(address)
            .maxInboundMessageSize(config.maxMessageBytes())
            .maxInboundMetadataSize(config.maxMetadataBytes())
            .maxConcurrentCallsPerConnection(config.maxCalls())
            .keepAliveTime(KEEP_ALIVE.toSeconds(), TimeUnit.SECONDS)
            .permitKeepAliveTime(KEEP_ALIVE_LEAST.toSeconds(), TimeUnit.SECONDS)
            .permitKeepAliveWithoutCalls(true);
    config.tls().ifPresent(tls -> builder.sslContext(sslContext(tls)));
    Server server = services.addTo(builder).build();
    try {
      return new GrpcServer(server.start(), services);
    } catch (IOException e) {
      throw new UncheckedIOException(listenProblem(config, e), e);
    }
  }

  private static String listenProblem(GrpcConfig config, IOException problem) {
    Throwable root = problem;
    while (root.getCause() != null) {
      root = root.getCause();
    }
    String what = String.valueOf(root.getMessage());
    boolean taken = root instanceof BindException || what.contains("in use");
    return "can't listen on %s:%d: %s%s"
        .formatted(
            config.host(),
            config.port(),
            what,
            taken ? "; choose another port, or 0 for any that is free" : "");
  }

  private static SslContext sslContext(GrpcConfig.Tls tls) {
    File certificate = readable("server.tls-cert", tls.certificate());
    File key = readable("server.tls-key", tls.key());
    try {
      return GrpcSslContexts.forServer(certificate, key).build();
    } catch (IOException | IllegalArgumentException | IllegalStateException e) {
      Throwable cause = e.getCause() == null ? e : e.getCause();
      throw new IllegalArgumentException(
          "TLS: certificate %s and key %s can't be used: %s; expected PEM files, the key in PKCS #8 without a password and of that certificate"
              .formatted(tls.certificate(), tls.key(), cause.getMessage()),
          e);
    }
  }

  private static File readable(String what, Path file) {
    if (!Files.isRegularFile(file) || !Files.isReadable(file)) {
      throw new IllegalArgumentException(
          "%s: %s %s".formatted(what, file, Files.exists(file) ? "can't be read" : "is not there"));
    }
    return file.toFile();
  }

  /// The port that it listens on.
  public int port() {
    return server.getPort();
  }

  /// Ends in order: health says NOT_SERVING, new calls are refused with UNAVAILABLE, calls in
  /// progress are answered, then the port closes. What is not done within `limit` is cut off.
  ///
  /// @return whether every call in progress was answered
  public boolean drain(Duration limit) throws InterruptedException {
    boolean all = services.drain(limit);
    if (!all) {
      log.warn("calls were still open after {} ms of draining; they are cut off", limit.toMillis());
    }
    server.shutdown();
    // Calls that came while draining may still wait for a thread to refuse them: cutting them off
    // would
    // tell their clients CANCELLED, not UNAVAILABLE (seen with 100 ms). Only a health
    // watch, which stays open until it is told, makes this wait its full length.
    if (!server.awaitTermination(all ? GOODBYE.toMillis() : 0, TimeUnit.MILLISECONDS)) {
      server.shutdownNow();
      if (!server.awaitTermination(GOODBYE.toMillis(), TimeUnit.MILLISECONDS)) {
        log.warn("the transport did not end within {} ms", GOODBYE.toMillis());
      }
    }
    return all;
  }

  /// Closes the port and cuts off what is open.
  @Override
  public void close() {
    server.shutdownNow();
    boolean interrupted = Thread.interrupted();
    try {
      if (!server.awaitTermination(GOODBYE.toMillis(), TimeUnit.MILLISECONDS)) {
        log.warn("the transport did not end within {} ms", GOODBYE.toMillis());
      }
    } catch (InterruptedException _) {
      interrupted = true;
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
