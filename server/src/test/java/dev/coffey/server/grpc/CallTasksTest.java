package dev.coffey.server.grpc;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.junit.jupiter.api.Test;

final class CallTasksTest {
  private final List<Runnable> handed = new ArrayList<>();
  private final List<String> ran = new ArrayList<>();
  private boolean large;
  private final CallTasks tasks = new CallTasks(handed::add, () -> large);

  private void runHanded() {
    List<Runnable> now = List.copyOf(handed);
    handed.clear();
    now.forEach(Runnable::run);
  }

  /// Red if the beginning of a call waits for a handler, or what follows it does not.
  @Test
  void execute_callGoesOn_furtherTasksRunOnTheHandlers() {
    tasks.execute(() -> {
      CallTasks.goOn();
      ran.add("begins");
    });
    tasks.execute(() -> ran.add("message"));
    assertThat(ran).containsExactly("begins");
    runHanded();
    assertThat(ran).containsExactly("begins", "message");
  }

  /// Red if calls that are refused, or health checks, take handlers' time.
  @Test
  void execute_callDoesNotGoOn_allRunsHere() {
    tasks.execute(() -> ran.add("begins"));
    tasks.execute(() -> ran.add("message"));
    assertThat(ran).containsExactly("begins", "message");
    assertThat(handed).isEmpty();
  }

  /// Red if Netty's thread decodes megabytes.
  @Test
  void execute_largeMessage_isDecodedOnAHandler() {
    tasks.execute(() -> ran.add("begins"));
    large = true;
    tasks.execute(() -> ran.add("message"));
    assertThat(ran).containsExactly("begins");
    runHanded();
    assertThat(ran).containsExactly("begins", "message");
  }

  /// Red if the work runs on the thread that brought the call, or its end is lost.
  @Test
  void onHandler_fromTheThreadThatBroughtTheCall_runsOnAHandler() {
    CompletableFuture<String> work = new CompletableFuture<>();
    List<CompletionStage<String>> stages = new ArrayList<>();
    tasks.execute(() ->
        stages.add(
            CallTasks.onHandler(() -> {
              ran.add("works");
              return work;
            })));
    assertThat(ran).isEmpty();
    runHanded();
    assertThat(ran).containsExactly("works");
    CompletableFuture<String> result = stages.getFirst().toCompletableFuture();
    assertThat(result).isNotDone();
    work.complete("done");
    assertThat(result).isCompletedWithValue("done");
    tasks.execute(() -> ran.add("onComplete"));
    assertThat(handed).hasSize(1);
  }

  @Test
  void onHandler_workThrows_endsTheStage() {
    List<CompletionStage<String>> stages = new ArrayList<>();
    tasks.execute(() ->
        stages.add(
            CallTasks.onHandler(() -> {
              throw new IllegalStateException("refused after all");
            })));
    runHanded();
    assertThat(stages.getFirst().toCompletableFuture()).isCompletedExceptionally();
  }

  /// Red if a message of a stream takes another turn through the handlers.
  @Test
  void onHandler_onAHandler_runsHere() {
    CompletionStage<String> stage =
        CallTasks.onHandler(() -> CompletableFuture.completedFuture("here"));
    assertThat(stage.toCompletableFuture()).isCompletedWithValue("here");
    assertThat(handed).isEmpty();
  }

  /// Red if a call that begins within another's task (an in-process client) is taken for it.
  @Test
  void goOn_callWithinACall_isTheInnerOne() {
    CallTasks inner = new CallTasks(handed::add, () -> false);
    tasks.execute(() -> inner.execute(CallTasks::goOn));
    tasks.execute(() -> ran.add("outer"));
    inner.execute(() -> ran.add("inner"));
    assertThat(ran).containsExactly("outer");
    assertThat(handed).hasSize(1);
  }
}
