package dev.coffey.server.bench;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/// HTTP/2 connections that have said hello and then say nothing: the preface and empty settings are
/// all that a server needs to keep one for a client. They cost this side a socket each, not a
/// channel.
public final class IdleConnections implements AutoCloseable {
  /// The preface, and a SETTINGS frame without any.
  private static final byte[] HELLO =
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0".getBytes(StandardCharsets.ISO_8859_1);

  private final List<SocketChannel> sockets = new ArrayList<>();

  private IdleConnections() {}

  /// Opens `count` of them, and waits until the server has greeted each.
  public static IdleConnections open(InetSocketAddress server, int count) throws IOException {
    IdleConnections idle = new IdleConnections();
    try {
      for (int i = 0; i < count; i++) {
        SocketChannel socket = SocketChannel.open(server);
        idle.sockets.add(socket);
        ByteBuffer hello = ByteBuffer.wrap(HELLO);
        while (hello.hasRemaining()) {
          var _ = socket.write(hello);
        }
      }
      ByteBuffer greeting = ByteBuffer.allocate(1);
      for (SocketChannel socket : idle.sockets) {
        if (socket.read(greeting.clear()) != 1) {
          throw new IOException("the server closed a connection instead of greeting it");
        }
      }
      return idle;
    } catch (IOException e) {
      idle.close();
      throw e;
    }
  }

  /// How many are open.
  public int size() {
    return sockets.size();
  }

  @Override
  public void close() {
    for (SocketChannel socket : sockets) {
      try {
        socket.close();
      } catch (IOException _) {
        // It is gone either way.
      }
    }
  }
}
