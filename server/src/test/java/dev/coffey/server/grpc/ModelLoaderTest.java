package dev.coffey.server.grpc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.coffey.kernels.KernelsOptions;
import dev.coffey.kernels.cuda.FakeCuda;
import dev.coffey.proto.v1.ClassifyRequest;
import dev.coffey.proto.v1.Input;
import dev.coffey.proto.v1.ListModelsRequest;
import dev.coffey.proto.v1.LoadModelRequest;
import dev.coffey.proto.v1.ModelState;
import dev.coffey.proto.v1.ModelSummary;
import dev.coffey.proto.v1.Task;
import dev.coffey.proto.v1.UnloadModelRequest;
import dev.coffey.server.batch.BatchConfig;
import io.grpc.Status.Code;
import io.grpc.StatusRuntimeException;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.health.v1.HealthGrpc;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// LoadModel and UnloadModel through a real stub.
@Timeout(60)
final class ModelLoaderTest {
  @TempDir private Path folder;
  private TestServer server;

  @BeforeEach
  void start() throws IOException {
    copy("tokcls", folder.resolve("tagger"));
    copy("textcls", folder.resolve("versions/1"));
    copy("textcls", folder.resolve("versions/2"));
    Files.createDirectories(folder.resolve("broken"));
    Files.writeString(folder.resolve("broken/config.json"), "{}");
    server =
        new TestServer(
            List.of(TestModels.named("tagger", folder.resolve("tagger"))),
            GrpcConfig.DEFAULT,
            BatchConfig.DEFAULT,
            model -> model,
            Optional.of(folder));
  }

  private static void copy(String pipeline, Path to) throws IOException {
    Files.createDirectories(to);
    try (Stream<Path> files = Files.list(TestModels.pipeline(pipeline).path())) {
      for (Path file : files.toList()) {
        Files.copy(file, to.resolve(file.getFileName().toString()));
      }
    }
  }

  @AfterEach
  void stop() {
    server.close();
  }

  private ModelSummary load(String name, String version) {
    return server
        .models()
        .loadModel(LoadModelRequest.newBuilder().setModel(name).setVersion(version).build())
        .getSummary();
  }

  private void unload(String name, String version) {
    var _ =
        server
            .models()
            .unloadModel(
                UnloadModelRequest.newBuilder().setModel(name).setVersion(version).build());
  }

  private String classify() {
    return server
        .inference()
        .classify(ClassifyRequest.newBuilder().addInputs(Input.newBuilder().setText("a")).build())
        .getInfo()
        .getVersion();
  }

  private static Code code(ThrowingCallable call) {
    return catchThrowableOfType(StatusRuntimeException.class, call).getStatus().getCode();
  }

  @Test
  void load_newestOfAFolder_answersAtOnce() {
    ModelSummary summary = load("versions", "");
    assertThat(summary.getVersion()).isEqualTo("2");
    assertThat(summary.getState()).isEqualTo(ModelState.MODEL_STATE_READY);
    assertThat(summary.getTasksList()).contains(Task.TASK_CLASSIFY);
    assertThat(classify()).isEqualTo("2");
  }

  @Test
  void unload_oneVersion_leavesTheOther() {
    assertThat(load("versions", "1").getVersion()).isEqualTo("1");
    assertThat(load("versions", "2").getVersion()).isEqualTo("2");
    unload("versions", "2");
    assertThat(classify()).isEqualTo("1");
    unload("versions", "");
    assertThat(code(this::classify)).isEqualTo(Code.FAILED_PRECONDITION);
    assertThat(server.models().listModels(ListModelsRequest.getDefaultInstance()).getModelsList())
        .extracting(ModelSummary::getName)
        .containsExactly("tagger");
  }

  @Test
  void load_modelThatIsLoaded_loadsItAgain() {
    assertThat(load("tagger", "").getState()).isEqualTo(ModelState.MODEL_STATE_READY);
    assertThat(load("tagger", "1").getState()).isEqualTo(ModelState.MODEL_STATE_READY);
  }

  @Test
  void load_whatIsNotThere_isNotFound() {
    assertThat(code(() -> load("tager", ""))).isEqualTo(Code.NOT_FOUND);
    assertThat(code(() -> load("versions", "3"))).isEqualTo(Code.NOT_FOUND);
    assertThat(code(() -> load("../" + folder.getFileName() + "/tagger", "")))
        .isEqualTo(Code.NOT_FOUND);
    assertThat(code(() -> unload("versions", ""))).isEqualTo(Code.NOT_FOUND);
    assertThat(code(() -> load("", ""))).isEqualTo(Code.INVALID_ARGUMENT);
  }

  @Test
  void load_brokenFolder_isFailedPreconditionAndTheOthersGoOn() {
    assertThat(code(() -> load("broken", ""))).isEqualTo(Code.FAILED_PRECONDITION);
    // Red if a folder that is no model took the whole server out of its balancer.
    assertThat(
            HealthGrpc.newBlockingStub(server.channel())
                .check(HealthCheckRequest.getDefaultInstance())
                .getStatus())
        .isEqualTo(ServingStatus.SERVING);
    assertThat(load("versions", "").getVersion()).isEqualTo("2");
  }

  // Breaks if a model that the device has no room for is the server's fault, or takes what others
  // have; or if the client isn't told what to do.
  @Test
  void load_deviceWithoutRoom_isFailedPreconditionByPartsUntilThereIsSome() {
    FakeCuda.Cards cards = new FakeCuda.Cards(1);
    try (TestServer gpu =
        new TestServer(
            cards.open(new KernelsOptions(1)),
            List.of(TestModels.named("tagger", folder.resolve("tagger"))),
            GrpcConfig.DEFAULT,
            BatchConfig.DEFAULT,
            model -> model,
            Optional.of(folder))) {
      cards.leave(0, 1000);
      LoadModelRequest request = LoadModelRequest.newBuilder().setModel("versions").build();
      StatusRuntimeException refused =
          catchThrowableOfType(StatusRuntimeException.class, () -> gpu.models().loadModel(request));
      assertThat(refused.getStatus().getCode()).isEqualTo(Code.FAILED_PRECONDITION);
      assertThat(refused.getStatus().getDescription())
          .matches(
              "model 'versions' version 2 can't be loaded: device 0 \\(Fake 0\\) has too little memory: .* are needed \\(weights .* MiB, activations of up to .* MiB\\), 0.0 MiB of 8.0 GiB are free; lower batch.max-tokens, .*");
      cards.leave(0, 1 << 30);
      assertThat(gpu.models().loadModel(request).getSummary().getVersion()).isEqualTo("2");
    }
  }

  @Test
  void load_serverWithoutAFolder_isFailedPrecondition() {
    try (TestServer builtIn = TestServer.of(TestModels.textcls())) {
      assertThat(
              code(() ->
                  builtIn
                      .models()
                      .loadModel(LoadModelRequest.newBuilder().setModel("textcls").build())))
          .isEqualTo(Code.FAILED_PRECONDITION);
    }
  }
}
