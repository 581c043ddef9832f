package dev.coffey.server;

import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.simpleName;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.simpleNameEndingWith;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.lang.ArchRule;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/// The arrows between modules and packages, over the classes of all modules. Each rule would break
/// with the import that it names.
final class ArrowsTest {
  /// A jar of test classes, which another module's tests use.
  private static final Pattern TESTS_OF_A_MODULE = Pattern.compile(".*-tests\\.jar.*");

  private static final JavaClasses ALL =
      new ClassFileImporter()
          .withImportOption(new ImportOption.DoNotIncludeTests())
          .withImportOption(location -> !location.matches(TESTS_OF_A_MODULE))
          .importPackages(
              "dev.coffey.kernels", "dev.coffey.model", "dev.coffey.client", "dev.coffey.server");

  private static void check(ArchRule rule) {
    rule.check(ALL);
  }

  /// Without it, rules over a module that was not read would pass.
  @Test
  void import_everyModule_isSeen() {
    assertThat(
            ALL.stream()
                .map(JavaClass::getPackageName)
                .filter(name -> name.startsWith("dev.coffey."))
                .map(name -> name.split("\\.")[2])
                .collect(Collectors.toSet()))
        .contains("kernels", "model", "client", "server");
  }

  @Test
  void kernels_knowsTheJdkOnly() {
    check(
        noClasses()
            .that()
            .resideInAPackage("dev.coffey.kernels..")
            .should()
            .dependOnClassesThat(
                not(
                    resideInAnyPackage(
                        "dev.coffey.kernels..",
                        "java..",
                        "jdk..",
                        "jcuda..",
                        "org.jspecify.annotations.."))));
  }

  @Test
  void model_knowsNoGrpcNoProtoNoServer() {
    check(
        noClasses()
            .that()
            .resideInAPackage("dev.coffey.model..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage(
                "io.grpc..",
                "io.netty..",
                "com.google..",
                "dev.coffey.proto..",
                "dev.coffey.client..",
                "dev.coffey.server.."));
  }

  @Test
  void client_knowsNoServerNoModel() {
    check(
        noClasses()
            .that()
            .resideInAPackage("dev.coffey.client..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage(
                "dev.coffey.server..", "dev.coffey.model..", "dev.coffey.kernels.."));
  }

  /// Everything else has plain constructors.
  @Test
  void guice_inMainAndModulesOnly() {
    check(
        noClasses()
            .that(not(simpleName("Main")).and(not(simpleNameEndingWith("Module"))))
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("com.google.inject..", "jakarta.inject.."));
  }

  @Test
  void environment_readInMainOnly() {
    check(
        noClasses()
            .that(not(simpleName("Main")))
            .should()
            .callMethod(System.class, "getenv")
            .orShould()
            .callMethod(System.class, "getenv", String.class));
  }

  @Test
  void standardOutput_writtenInCliOnly() {
    check(
        noClasses()
            .that()
            .resideOutsideOfPackage("dev.coffey.server.cli..")
            .and(not(simpleName("Main")))
            .should()
            .accessField(System.class, "out"));
  }

  /// The root package of a module wires or offers what the packages below it do, and they use its
  /// values: so it is no slice of its own here. Between the packages below, arrows point one way.
  @Test
  void packages_haveNoCycles() {
    check(slices().matching("dev.coffey.(kernels|model|server).(*)..").should().beFreeOfCycles());
  }
}
