package dev.coffey.server.grpc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.coffey.client.CoffeyClient;
import dev.coffey.client.CoffeyException;
import dev.coffey.client.CoffeyStream;
import dev.coffey.client.Outcome;
import dev.coffey.proto.v1.AnswerSpan;
import dev.coffey.proto.v1.ClassifyRequest;
import dev.coffey.proto.v1.ClassifyResponse;
import dev.coffey.proto.v1.Entity;
import dev.coffey.proto.v1.FilledMask;
import dev.coffey.proto.v1.Input;
import dev.coffey.proto.v1.LabelScore;
import dev.coffey.proto.v1.Question;
import dev.coffey.proto.v1.RankResult;
import dev.coffey.proto.v1.Token;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/// The client library against the services themselves.
@Timeout(60)
final class ClientTest {
  private static TestServer server;
  private static CoffeyClient client;

  @BeforeAll
  static void start() {
    server =
        new TestServer(
            Stream.of("textcls", "nli", "tokcls", "qa", "fillmask", "cross-encoder", "st-mean-norm")
                .map(TestModels::pipeline)
                .toList(),
            GrpcConfig.DEFAULT,
            dev.coffey.server.batch.BatchConfig.DEFAULT,
            model -> model);
    client = CoffeyClient.over(server.channel());
  }

  @AfterAll
  static void stop() {
    client.close();
    server.close();
  }

  @Test
  void tag_texts_giveEntitiesThatStandWhereTheySay() {
    String text = "Maria Keller moved from Basel to Oslo .";
    List<Entity> entities = client.tag(text);
    assertThat(entities).isNotEmpty();
    assertThat(entities)
        .allSatisfy(entity ->
            assertThat(entity.getSpan().getText())
                .isEqualTo(text.substring(entity.getSpan().getStart(), entity.getSpan().getEnd())));
    List<Outcome<List<Entity>>> outcomes = client.tag(List.of(text, "word ".repeat(300)));
    assertThat(outcomes.getFirst().get()).isEqualTo(entities);
    assertThat(outcomes.getLast()).isInstanceOf(Outcome.Failed.class);
  }

  @Test
  void answer_question_givesASpanOfTheContext() {
    String context = "The harbour master keeps a log of every ship.";
    AnswerSpan answer = client.answer("What does the harbour master keep?", context);
    assertThat(context).contains(answer.getSpan().getText());
    List<Outcome<List<AnswerSpan>>> outcomes =
        client.answer(
            List.of(
                Question.newBuilder()
                    .setQuestion("What does the harbour master keep?")
                    .setContext(context)
                    .build(),
                Question.getDefaultInstance()));
    assertThat(outcomes.getFirst().get()).containsExactly(answer);
    assertThat(outcomes.getLast()).isInstanceOf(Outcome.Failed.class);
  }

  @Test
  void fillMask_text_givesFiveTokensForEachMask() {
    List<FilledMask> masks = client.fillMask("a [MASK] and a [MASK]");
    assertThat(masks)
        .hasSize(2)
        .allSatisfy(mask -> assertThat(mask.getCandidatesCount()).isEqualTo(5));
    assertThatThrownBy(() -> client.fillMask("no mask"))
        .isInstanceOf(CoffeyException.class)
        .hasMessageContaining("[MASK]");
  }

  @Test
  void zeroShot_text_givesTheLabelsBestFirst() {
    List<LabelScore> labels =
        client.zeroShot("Two clubs agreed a fee.", List.of("sports", "business"));
    assertThat(labels)
        .extracting(LabelScore::getLabel)
        .containsExactlyInAnyOrder("sports", "business");
    assertThat(client.zeroShot(List.of("Two clubs agreed a fee."), List.of("sports", "business")))
        .extracting(Outcome::get)
        .containsExactly(labels);
  }

  @Test
  void rank_documents_givesThemBestFirst() {
    List<RankResult> ranked =
        client.withModel("cross-encoder").rank("bees", List.of("ships", "bees dance", "a log"));
    assertThat(ranked).hasSize(3);
    assertThat(ranked.getFirst().getScore()).isGreaterThanOrEqualTo(ranked.getLast().getScore());
  }

  @Test
  void summarize_text_givesThreeSentences() {
    assertThat(
            client
                .withModel("st-mean-norm")
                .summarize("One is here. Two is there. Three was. Four is not. Five came."))
        .hasSize(3);
  }

  @Test
  void detokenize_idsOfAText_giveTheText() {
    CoffeyClient named = client.withModel("textcls");
    List<Integer> ids = named.tokenize("a fine film").stream().map(Token::getId).toList();
    assertThat(named.detokenize(ids)).isEqualTo("a fine film");
  }

  private static ClassifyRequest classify(String text) {
    return ClassifyRequest.newBuilder()
        .setModel("textcls")
        .addInputs(Input.newBuilder().setText(text))
        .build();
  }

  /// Many times the server's window: red if the stream did not wait for the server to read, or
  /// mixed answers up.
  @Test
  void stream_manyRequests_areAnsweredEachByItsOwn() {
    List<CompletableFuture<ClassifyResponse>> answers = new ArrayList<>();
    try (CoffeyStream stream = client.stream()) {
      for (int i = 0; i < 500; i++) {
        answers.add(stream.classify(classify(i % 2 == 0 ? "a fine film" : "dull")));
      }
    }
    ClassifyResponse fine = client.classify(classify("a fine film"));
    ClassifyResponse dull = client.classify(classify("dull"));
    for (int i = 0; i < answers.size(); i++) {
      assertThat(answers.get(i)).isDone();
      assertThat(answers.get(i).join().getResults(0))
          .isEqualTo((i % 2 == 0 ? fine : dull).getResults(0));
    }
  }

  @Test
  void stream_requestThatFails_failsAlone() {
    try (CoffeyStream stream = client.stream()) {
      CompletableFuture<ClassifyResponse> bad =
          stream.classify(ClassifyRequest.getDefaultInstance());
      CompletableFuture<ClassifyResponse> good = stream.classify(classify("dull"));
      assertThatThrownBy(bad::join)
          .isInstanceOf(CompletionException.class)
          .hasCauseInstanceOf(CoffeyException.class)
          .hasMessageContaining("no inputs");
      assertThat(good.join().getResultsCount()).isEqualTo(1);
    }
  }

  @Test
  void stream_cancelled_failsWhatIsNotAnswered() {
    CoffeyStream stream = client.stream();
    stream.cancel();
    assertThatThrownBy(
            () -> {
              while (true) {
                var _ = stream.classify(classify("dull")).join();
              }
            })
        .satisfiesAnyOf(
            e -> assertThat(e).isInstanceOf(CoffeyException.class),
            e -> assertThat(e).hasCauseInstanceOf(CoffeyException.class));
    stream.close();
  }
}
