package dev.coffey.server.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.coffey.kernels.Kernels;
import dev.coffey.kernels.KernelsOptions;
import dev.coffey.kernels.KernelsProvider;
import dev.coffey.kernels.Tensor;
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
