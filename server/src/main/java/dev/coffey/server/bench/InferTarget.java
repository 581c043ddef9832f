package dev.coffey.server.bench;

import com.google.protobuf.ByteString;
import dev.coffey.proto.inference.GRPCInferenceServiceGrpc;
import dev.coffey.proto.inference.ModelInferRequest;
import dev.coffey.proto.inference.ModelInferRequest.InferInputTensor;
import dev.coffey.proto.inference.ModelInferResponse;
import io.grpc.Channel;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.StreamObserver;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/// A server that speaks KServe v2, a text a request.
public final class InferTarget implements Sender, AutoCloseable {
  /// How a text is sent.
  public enum Input {
    /// `input_ids` and `attention_mask`: any server of the model takes it.
    ids,
    /// `text`: the server tokenizes.
    text
  }

  /// Different requests, so that no cache can answer.
  private static final int REQUESTS = 4096;

  private static final int LARGEST_RESPONSE = 64 << 20;

  /// Each is one token in the vocabularies of BERT, and one `[UNK]` where it is no word.
  private static final String[] WORDS = {
    "the", "film", "is", "a", "good", "story", "of", "love", "and", "war", "with", "great", "music",
    "but", "it", "was", "too", "long", "for", "me", "some", "people", "will", "like", "this", "work"
  };

  private final ManagedChannel channel;
  private final GRPCInferenceServiceGrpc.GRPCInferenceServiceStub stub;
  private final List<ModelInferRequest> requests;
  private final int[] lengths;

  private InferTarget(String target, List<ModelInferRequest> requests, int[] lengths) {
    this.channel =
        NettyChannelBuilder.forTarget(target)
            .usePlaintext()
            .maxInboundMessageSize(LARGEST_RESPONSE)
            .build();
    this.stub = GRPCInferenceServiceGrpc.newStub(channel);
    this.requests = requests;
    this.lengths = lengths;
  }

  /// A target that gets texts of a mix.
  ///
  /// @param vocabulary token ids to send are below it
  public static InferTarget of(
      String target, String model, Input input, LengthMix mix, int vocabulary) {
    SplittableRandom random = new SplittableRandom(1);
    List<ModelInferRequest> requests = new ArrayList<>();
    int[] lengths = new int[REQUESTS];
    for (int i = 0; i < REQUESTS; i++) {
      lengths[i] = mix.next(random);
      requests.add(
          switch (input) {
            case ids -> ids(model, Workload.text(lengths[i], vocabulary, random));
            case text -> text(model, words(lengths[i], random));
          });
    }
    return new InferTarget(target, requests, lengths);
  }

  /// A target that gets the texts of a workload.
  public static InferTarget of(String target, String model, Workload workload) {
    List<int[]> texts = workload.batches().stream().flatMap(Arrays::stream).toList();
    return new InferTarget(
        target,
        texts.stream().map(ids -> ids(model, ids)).toList(),
        texts.stream().mapToInt(ids -> ids.length).toArray());
  }

  /// For other calls to the same server.
  Channel channel() {
    return channel;
  }

  private static ModelInferRequest ids(String model, int[] ids) {
    ByteBuffer numbers =
        ByteBuffer.allocate(ids.length * Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    ByteBuffer ones = ByteBuffer.allocate(ids.length * Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    for (int id : ids) {
      numbers.putLong(id);
      ones.putLong(1);
    }
    ModelInferRequest.Builder request = ModelInferRequest.newBuilder().setModelName(model);
    addTensor(request, "input_ids", "INT64", ByteString.copyFrom(numbers.flip()), 1, ids.length);
    addTensor(request, "attention_mask", "INT64", ByteString.copyFrom(ones.flip()), 1, ids.length);
    return request.build();
  }

  private static ModelInferRequest text(String model, String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    ByteBuffer element =
        ByteBuffer.allocate(Integer.BYTES + bytes.length).order(ByteOrder.LITTLE_ENDIAN);
    element.putInt(bytes.length).put(bytes);
    ModelInferRequest.Builder request = ModelInferRequest.newBuilder().setModelName(model);
    addTensor(request, "text", "BYTES", ByteString.copyFrom(element.flip()), 1);
    return request.build();
  }

  private static void addTensor(
      ModelInferRequest.Builder request,
      String name,
      String type,
      ByteString contents,
      long... shape) {
    InferInputTensor.Builder tensor = InferInputTensor.newBuilder().setName(name).setDatatype(type);
    for (long size : shape) {
      tensor.addShape(size);
    }
    request.addInputs(tensor).addRawInputContents(contents);
  }

  /// A text of so many tokens, `[CLS]` and `[SEP]` among them.
  static String words(int tokens, SplittableRandom random) {
    StringBuilder text = new StringBuilder(WORDS[random.nextInt(WORDS.length)]);
    for (int i = 3; i < tokens; i++) {
      text.append(' ').append(WORDS[random.nextInt(WORDS.length)]);
    }
    return text.toString();
  }

  @Override
  public int requests() {
    return requests.size();
  }

  @Override
  public int tokens(int request) {
    return lengths[request];
  }

  @Override
  public void send(int request, long deadlineNanos, Consumer<Status> ended) {
    var call =
        deadlineNanos == 0 ? stub : stub.withDeadlineAfter(deadlineNanos, TimeUnit.NANOSECONDS);
    call.modelInfer(
        requests.get(request),
        new StreamObserver<ModelInferResponse>() {
          @Override
          public void onNext(ModelInferResponse response) {}

          @Override
          public void onError(Throwable failure) {
            ended.accept(Status.fromThrowable(failure));
          }

          @Override
          public void onCompleted() {
            ended.accept(Status.OK);
          }
        });
  }

  @Override
  public void close() {
    channel.shutdownNow();
  }
}
