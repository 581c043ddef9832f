package dev.coffey.server.grpc;

import dev.coffey.proto.v1.StreamRequest;
import dev.coffey.proto.v1.StreamResponse;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/// The open calls of `Stream`, so that a server that drains can ask them to end.
final class MessageStreams {
  private final TypedTask<StreamRequest, StreamResponse> task;
  private final Set<MessageStream> open = ConcurrentHashMap.newKeySet();
  private volatile boolean draining;

  MessageStreams(TypedTask<StreamRequest, StreamResponse> task) {
    this.task = task;
  }

  /// A call has begun.
  StreamObserver<StreamRequest> open(ServerCallStreamObserver<StreamResponse> responses) {
    MessageStream stream = new MessageStream(task, responses, open::remove);
    open.add(stream);
    stream.start();
    if (draining) {
      // It may have come too late to be found by drain().
      stream.drain();
    }
    return stream;
  }

  /// How many are open.
  int size() {
    return open.size();
  }

  /// Lets each stream answer what it has read and then end with UNAVAILABLE.
  void drain() {
    draining = true;
    open.forEach(MessageStream::drain);
  }
}
