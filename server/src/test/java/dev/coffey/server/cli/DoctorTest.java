package dev.coffey.server.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.coffey.kernels.Availability;
import dev.coffey.kernels.Kernels;
import dev.coffey.kernels.KernelsOptions;
import dev.coffey.kernels.KernelsProvider;
import dev.coffey.kernels.Tensor;
import dev.coffey.kernels.cuda.InterpretedCuda;
import dev.coffey.model.generated.GeneratedModel;
import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

class DoctorTest {
  private static Kernels scalar() {
    return KernelsProvider.all().stream()
        .filter(provider -> provider.name().equals("scalar"))
        .findFirst()
        .orElseThrow()
        .open(new KernelsOptions(1));
  }

  /// The scalar backend, but `operation` spoils one number of what it writes.
  private static Kernels broken(Kernels real, String operation, float wrong) {
    return (Kernels)
        Proxy.newProxyInstance(
            Kernels.class.getClassLoader(),
            new Class<?>[] {Kernels.class},
            (_, method, arguments) -> {
              try {
                Object result = method.invoke(real, arguments);
                if (method.getName().equals(operation)) {
                  Tensor y = (Tensor) arguments[arguments.length - 1];
                  y.data().set(java.lang.foreign.ValueLayout.JAVA_FLOAT, 4, wrong);
                }
                return result;
              } catch (InvocationTargetException e) {
                throw e.getCause();
              }
            });
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "gather",
        "addPositionNorm",
        "linear",
        "linearAddNorm",
        "attention",
        "neighbours",
        "pool",
        "norm",
        "l2Normalize",
        "softmax"
      })
  void selfTest_oneWrongNumberInAnOperation_failsThatOneOnly(String operation) {
    for (float wrong : new float[] {7.5f, Float.NaN}) {
      try (Kernels oracle = scalar();
          Kernels real = scalar()) {
        List<SelfTest.Outcome> outcomes =
            SelfTest.run(oracle, broken(real, operation, wrong), SelfTest.FEW);
        for (SelfTest.Outcome outcome : outcomes) {
          boolean spoilt = outcome.operation().split("[ ,]")[0].equals(operation);
          assertThat(outcome.passed()).as(outcome.toString()).isEqualTo(!spoilt);
        }
      }
    }
  }

  @Test
  void doctor_eachBackend_passesHere() throws IOException {
    for (String backend : List.of("auto", "scalar")) {
      Terminal terminal = new Terminal();
      assertThat(terminal.run("doctor", "--backend", backend)).isZero();
      assertThat(terminal.out().getLast()).matches("all [0-9]+ operations passed");
    }
  }

  // Breaks if a part is left out, counted twice, or weights are not those of the model that was
  // asked for.
  @Test
  void doctorMemory_ofAFolder_hasItsWeightsAndAddsUp(@TempDir Path folder) throws IOException {
    new GeneratedModel(1, 120, 64, 2, 8, 512, 1024, 2).write(folder);
    Terminal terminal = new Terminal();
    assertThat(
            terminal.run(
                "doctor", "--memory", "--models", folder.toString(), "--backend=vector", "--json"))
        .isZero();
    JsonNode memory = new ObjectMapper().readTree(String.join("", terminal.out())).get("memory");
    // Two layers of 4·512² and 2·512·1024 numbers, and little besides.
    long layers = 2 * (4L * 512 * 512 + 2L * 512 * 1024) * Float.BYTES;
    assertThat(memory.get("weights").asLong()).isBetween(layers, layers * 11 / 10);
    assertThat(memory.get("workspace").asLong()).isPositive();
    assertThat(memory.get("heap_used").asLong()).isBetween(1L, memory.get("heap").asLong());
    assertThat(memory.get("code").asLong()).isPositive();
    assertThat(memory.get("classes").asLong()).isPositive();
    if (memory.has("resident")) {
      long sum = 0;
      for (String part :
          List.of(
              "weights",
              "workspace",
              "heap",
              "code",
              "classes",
              "direct_buffers",
              "files",
              "rest")) {
        sum += memory.get(part).asLong();
      }
      // Equal, but where pages that a part counts were never written to.
      assertThat(sum).isGreaterThanOrEqualTo(memory.get("resident").asLong());
    }
  }

  @Test
  void doctor_modelsWithoutMemory_isWrongUsage() {
    Terminal terminal = new Terminal();
    assertThat(terminal.run("doctor", "--models", "x")).isEqualTo(2);
    assertThat(terminal.err().getFirst()).contains("--models goes with --memory");
  }

  // Breaks if a size of the GPU's self-test is one that a right backend fails.
  @Test
  void selfTest_manySizes_passOnTheVectorBackend() {
    KernelsProvider vector =
        KernelsProvider.all().stream()
            .filter(provider -> provider.name().equals("vector"))
            .findFirst()
            .orElseThrow();
    try (Kernels oracle = scalar();
        Kernels kernels = vector.open(new KernelsOptions(2))) {
      assertThat(SelfTest.run(oracle, kernels, SelfTest.MANY))
          .allSatisfy(outcome -> assertThat(outcome.passed()).as(outcome.toString()).isTrue());
    }
  }

  /// `doctor --gpu` on a card whose kernels are interpreted, with few sizes and a small model.
  private static List<String> doctorOnInterpretedGpu(List<Integer> tokens, String... arguments) {
    KernelsProvider interpreted = InterpretedCuda.provider(80);
    KernelsProvider cuda =
        new KernelsProvider() {
          @Override
          public String name() {
            return "cuda";
          }

          @Override
          public int rank() {
            return 0;
          }

          @Override
          public Availability probe() {
            return interpreted.probe();
          }

          @Override
          public Availability probe(KernelsOptions options) {
            return interpreted.probe();
          }

          @Override
          public Kernels open(KernelsOptions options) {
            return interpreted.open(options);
          }
        };
    KernelsProvider scalar =
        KernelsProvider.all().stream()
            .filter(provider -> provider.name().equals("scalar"))
            .findFirst()
            .orElseThrow();
    Terminal terminal = new Terminal();
    Doctor doctor =
        new Doctor(
            terminal.surroundings(),
            List.of(cuda, scalar),
            List.of(new SelfTest.Sizes(List.of(1, 9), 24, 36, 3)),
            new SpeedTest.Workload(
                tokens, 16, 24, new GeneratedModel(1, 120, 32, 1, 2, 32, 64, 2)));
    assertThat(new CommandLine(doctor).execute(arguments)).isZero();
    return terminal.out();
  }

  // Breaks if an operation, a size or the model is left out of what a card's owner sees.
  @Test
  void doctor_interpretedGpu_printsErrorsTimesAndTheModel() {
    String out =
        String.join("\n", doctorOnInterpretedGpu(List.of(16, 48), "--gpu", "--precision", "bf16"));
    assertThat(out)
        .contains("self-test of cuda against scalar", "all 22 operations passed")
        .containsPattern("\n  attention +error [0-9.]+e-0[0-9], at most [0-9.]+e-0[0-9] +ok\n")
        .containsPattern("\noperation +tokens +us +TFLOP/s +of peak\n")
        .containsPattern("\nlinear 32 to 96 +16 +[0-9.]+ +[0-9.]+ ")
        .containsPattern("\nlinear 32 to 96 +48 +[0-9.]+ +[0-9.]+ ")
        .containsPattern("DistilBERT-base, 3 texts of 16 tokens: [0-9.]+ ms, [0-9]+ tokens/s")
        .containsPattern("DistilBERT-base, [0-9] texts of 8 to [0-9]+ tokens: [0-9.]+ ms");
  }

  @Test
  void doctor_interpretedGpuJson_hasTheSame() throws IOException {
    JsonNode json =
        new ObjectMapper()
            .readTree(
                String.join(
                    "",
                    doctorOnInterpretedGpu(List.of(32), "--gpu", "--precision=fp16", "--json")));
    assertThat(json.get("backend").asText()).isEqualTo("cuda");
    assertThat(json.get("backend_description").asText()).endsWith("fp16");
    assertThat(json.get("self_test").size()).isEqualTo(22);
    assertThat(json.get("speed").size()).isEqualTo(10);
    for (JsonNode sample : json.get("speed")) {
      assertThat(sample.get("microseconds").asDouble()).isPositive();
    }
    // Equal lengths and a mix.
    assertThat(json.get("distilbert_base").size()).isEqualTo(2);
    for (JsonNode sample : json.get("distilbert_base")) {
      int tokens = 0;
      for (JsonNode length : sample.get("lengths")) {
        tokens += length.asInt();
      }
      assertThat(tokens).isEqualTo(sample.get("tokens").asInt()).isLessThanOrEqualTo(32);
      assertThat(sample.get("milliseconds").asDouble()).isPositive();
    }
  }

  @Test
  void doctor_gpuWithoutADriver_saysWhatIsMissing() throws IOException {
    Terminal terminal = new Terminal();
    assumeThat(Files.exists(Path.of("/proc/driver/nvidia"))).isFalse();
    assertThat(terminal.run("doctor", "--gpu")).isNotZero();
    assertThat(String.join("\n", terminal.err()))
        .contains("backend 'cuda' can't run here: no NVIDIA driver: libcuda.so.1 can't be opened");
  }

  @Test
  void doctor_json_isOneObject() throws IOException {
    Terminal terminal = new Terminal();
    assertThat(terminal.run("doctor", "--json", "--threads", "1")).isZero();
    JsonNode json = new ObjectMapper().readTree(String.join("", terminal.out()));
    assertThat(terminal.out()).hasSize(1);
    assertThat(json.get("passed").asBoolean()).isTrue();
    assertThat(json.get("backends").findValuesAsText("name")).contains("vector", "scalar");
    assertThat(json.get("self_test").size()).isGreaterThan(15);
  }

  @Test
  void machine_filesOfLinux_areRead(@TempDir Path root) throws IOException {
    Files.createDirectories(root.resolve("proc"));
    Files.createDirectories(root.resolve("sys/fs/cgroup"));
    Files.writeString(
        root.resolve("proc/cpuinfo"), "model name\t: Test CPU\nflags\t: fpu avx2 fma\n");
    Files.writeString(root.resolve("proc/meminfo"), "MemTotal:       16384 kB\nMemFree: 1 kB\n");
    Files.writeString(root.resolve("sys/fs/cgroup/cpu.max"), "150000 100000\n");
    Files.writeString(root.resolve("sys/fs/cgroup/memory.max"), "1073741824\n");
    Machine machine = Machine.read(root, 3);
    assertThat(machine.cpu().model()).isEqualTo("Test CPU");
    assertThat(machine.cpu().features()).containsExactly("fma", "avx2");
    assertThat(machine.memoryBytes()).hasValue(16 << 20);
    assertThat(machine.cgroupCpus()).hasValue(1.5);
    assertThat(machine.cgroupBytes()).hasValue(1 << 30);
    Files.writeString(root.resolve("sys/fs/cgroup/cpu.max"), "max 100000\n");
    Files.writeString(root.resolve("sys/fs/cgroup/memory.max"), "max\n");
    Machine free = Machine.read(root, 3);
    assertThat(free.cgroupCpus()).isEmpty();
    assertThat(free.cgroupBytes()).isEmpty();
  }

  @Test
  void machine_anotherSystem_isUnknown(@TempDir Path root) {
    Machine machine = Machine.read(root, 3);
    assertThat(machine.memoryBytes()).isEmpty();
    assertThat(machine.cpu().features()).isEmpty();
    assertThat(machine.processors()).isEqualTo(3);
  }
}
