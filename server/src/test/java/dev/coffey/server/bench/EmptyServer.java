package dev.coffey.server.bench;

import io.grpc.Server;
import io.grpc.netty.NettyServerBuilder;
import io.grpc.protobuf.services.HealthStatusManager;
import java.net.InetAddress;
import java.net.InetSocketAddress;

/// The least that a gRPC server can be: health, and nothing to serve. What `tools/start` holds
/// Coffey's start against. Its argument is the port.
public final class EmptyServer {
  private EmptyServer() {}

  public static void main(String[] args) throws Exception {
    InetSocketAddress address =
        new InetSocketAddress(InetAddress.getLoopbackAddress(), Integer.parseInt(args[0]));
    Server server =
        NettyServerBuilder.forAddress(address)
            .addService(new HealthStatusManager().getHealthService())
            .build()
            .start();
    // A training run writes its cache when the JVM ends in order.
    Runtime.getRuntime().addShutdownHook(new Thread(server::shutdownNow));
    server.awaitTermination();
  }
}
