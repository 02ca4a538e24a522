using SloEngine.Slo.Files;
using SloEngine.Slo.Model;
using SloEngine.Slo.OpenSlo;

namespace SloEngine.Slo.Tests;

/// <summary>Valid files of the formats' own projects are read, and invalid ones are refused where they are wrong.</summary>
public sealed class FileConformanceTests
{
    /// <summary>Files that are refused, and where: line, and part of the message. Each is invalid by its own project, or needs another system's words.</summary>
    private static readonly Dictionary<string, (long Line, string Message)[]> Refused = new()
    {
        // oslo's tests refuse these three (test/EXPECTED.tsv), the latter two for the names of services; v1.yaml for an `op` beside a ratio, too, which says nothing here.
        ["openslo/oslo/test/inputs/validate/invalid-apiversion.yaml"] = [(1, "apiVersion is 'foo'")],
        ["openslo/oslo/test/inputs/validate/v1.yaml"] = [(59, "metadata.name is 'example service'")],
        ["openslo/oslo/test/inputs/validate/v1alpha.yaml"] = [(4, "metadata.name is 'my-rad service'"), (22, "timeSliceTarget is missing")],
        // Sumo Logic's words: no duration-shorthand, nor a date, as the specification and the SDK want; and no timeSliceTarget.
        ["openslo/slogen/samples/sumologic/v1/th-based/logs-window-threshold-based.yaml"] = [(35, "duration is 'Week'")],
        // The SDK passes this one to an exporter that is told to resolve nothing; who has to alert needs the condition that the SLO uses.
        ["openslo/go-sdk/pkg/openslosdk/test_data/export/inputs/custom_config.yaml"] = [(39, "no AlertCondition 'cpu-usage-breach'")],
        // The SDK refuses to inline what the SLO uses and is not there.
        ["openslo/go-sdk/pkg/openslosdk/test_data/inline/inputs/v1_slo_invalid_policy.yaml"] = [(9, "no AlertPolicy 'no-policy'")],
        ["openslo/go-sdk/pkg/openslosdk/test_data/inline/inputs/v1_slo_invalid_target.yaml"] = [(32, "no AlertNotificationTarget 'devs-email-notification'")],
        // Decoded by the SDK's test and not validated: a query of Datadog's at a source that nothing describes, and an SLO without objectives.
        ["openslo/go-sdk/pkg/openslosdk/test_data/decode/v2alpha_slos.yaml"] = [(20, "not PromQL"), (29, "objectives is missing")],
        // Plugins are programs of Sloth's own, which are not run here; with their queries in documents, these files are read (RuleConformanceTests).
        ["sloth/examples/plugin-getting-started.yml"] = [(14, "Go program")],
        ["sloth/integration/testdata/in-sli-plugin.yaml"] = [(12, "Go program")],
        // Sloth's tests refuse these.
        ["sloth/integration/testdata/in-invalid-version.yaml"] = [(1, "version is 'prometheus/v999', expected prometheus/v1")],
        ["sloth/integration/testdata/validate/bad/bad-aa.yaml"] = [(28, "slos[1].objective is 101")],
        ["sloth/integration/testdata/validate/bad/bad-k8s.yaml"] = [(7, "spec.service is empty")],
        ["sloth/integration/testdata/validate_with_duplicates/bad-prom-multi-duplicates.yaml"] = [(51, "'svc01-slo1' is taken"), (72, "'svc01-slo02' is taken")],
    };

    /// <summary>
    /// Files whose alert policies, which no SLO uses, refer to what stands nowhere: valid on their own, as references may lead to other files, and not complete.
    /// The SDK refuses to inline the last two, as <c>slo validate --strict</c> does all four.
    /// </summary>
    private static readonly Dictionary<string, (long Line, string Message)[]> Warned = new()
    {
        ["openslo/slogen/samples/sumologic/v1/alert-policy/burn-rate.yaml"] = [(36, "no AlertNotificationTarget 'DevOpsMail'"), (37, "no AlertNotificationTarget 'DevOpsSlack'")],
        ["openslo/go-sdk/pkg/openslo/v2alpha/examples/alert_policies.yaml"] =
        [
            (12, "no AlertCondition 'cpu-usage-breach'"), (14, "no AlertNotificationTarget 'on-call-mail-notification'"),
            (41, "no AlertNotificationTarget 'on-call-pd-notification'"), (53, "no AlertCondition 'cpu-usage-breach'"),
        ],
        ["openslo/go-sdk/pkg/openslosdk/test_data/export/inputs/custom_config.yaml"] = [(89, "no AlertNotificationTarget 'devs-email-notification'")],
        ["openslo/go-sdk/pkg/openslosdk/test_data/inline/inputs/v1_alert_policies_invalid_condition.yaml"] = [(8, "no AlertCondition 'cpu-usage-breach'")],
        ["openslo/go-sdk/pkg/openslosdk/test_data/inline/inputs/v1_alert_policies_invalid_target.yaml"] = [(25, "no AlertNotificationTarget 'devs-email-notification'")],
    };

    public static TheoryData<string> Files() =>
    [
        .. ((string[])["openslo", "sloth", "pyrra"]).SelectMany(folder => Conformance.Files(folder, "*.y*ml"))
            .Where(file => !file.Contains("common-sli-plugins", StringComparison.Ordinal) && !file.Contains("expected-", StringComparison.Ordinal) && !file.Contains("_gen", StringComparison.Ordinal)
                && !file.Contains("crd", StringComparison.Ordinal) && !file.Contains("outputs", StringComparison.Ordinal))
            .DefaultIfEmpty(""),
    ];

    [Fact]
    public void Files_that_are_read_together_may_not_define_an_SLO_twice()
    {
        string[] files = [.. Conformance.Files("sloth/integration/testdata/validate_with_duplicates/prom", "*.yaml")];
        (IReadOnlyList<ServiceLevelObjective> slos, IReadOnlyList<SloFileError> errors) = SloFileReader.Read(files.Select(file => (file, File.ReadAllText(Conformance.Find(file)!))));

        Assert.Equal(files.Length, slos.Count);
        Assert.Equal(files.Length, errors.Count);
        Assert.All(errors, error => Assert.Equal((files[1], true), (error.File, error.Message.Contains("is taken by " + files[0], StringComparison.Ordinal))));
    }

    [Fact]
    public void Plugins_of_Sloth_that_no_document_defines_are_refused_by_name()
    {
        foreach (string file in Conformance.Files("sloth/common-sli-plugins", "*.yml"))
        {
            (_, IReadOnlyList<SloFileError> errors) = SloFileReader.Read([(file, File.ReadAllText(Conformance.Find(file)!))]);
            Assert.NotEmpty(errors);
            Assert.All(errors, error => Assert.Contains("Sloth's own are Go programs", error.Message, StringComparison.Ordinal));
        }
    }

    [Theory]
    [InlineData("{id: own, options: {job: web}}", null)]
    [InlineData("{id: own, options: {job: web, limit: '2'}}", null)]
    [InlineData("{id: own}", "slos[0].sli.plugin.options.job is missing")]
    [InlineData("{id: own, options: {jib: web}}", "unknown key slos[0].sli.plugin.options.jib; did you mean job?")]
    [InlineData("{id: other}", "no SliPlugin 'other' is defined")]
    [InlineData("{id: own, options: {job: 'a\"'}}", "not PromQL")]
    public void A_plugin_is_used_with_its_options_or_refused(string use, string? error)
    {
        (IReadOnlyList<ServiceLevelObjective> slos, IReadOnlyList<SloFileError> errors) = SloFileReader.Read([("slo.yaml", $$$"""
            version: prometheus/v1
            service: shop
            slos: [{name: checkout, objective: 99, sli: {plugin: {{{use}}}}}]
            ---
            apiVersion: sloengine/v1
            kind: SliPlugin
            metadata: {name: own}
            spec:
              options: {job: , limit: "1"}
              errorRatioQuery: max(rate(errors{job="{{.job}}"}[{{.window}}])) > {{ .limit }}
            """)]);

        Assert.Equal(error is null ? 1 : 0, slos.Count);
        Assert.Equal(error is null, errors.Count == 0);
        Assert.All(errors, found => Assert.Equal((3, true), (found.Line, found.Message.Contains(error!, StringComparison.Ordinal))));
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void A_file_is_read_or_refused_where_it_is_wrong(string file)
    {
        if (file.Length == 0)
        {
            return;
        }
        SloFiles read = SloFileReader.ReadAll([(file, File.ReadAllText(Conformance.Find(file)!))]);

        AssertFound(Refused.GetValueOrDefault(file, []), read.Errors);
        AssertFound(Warned.GetValueOrDefault(file, []), read.Warnings);
    }

    /// <summary>What an SLO uses has to be there; what stands there unused may be a part of something larger.</summary>
    [Theory]
    [InlineData("alertPolicies: [fast]", 1, 1)]
    [InlineData("alertPolicies: [{alertPolicyRef: fast}]", 1, 1)]
    [InlineData("description: without alerts", 0, 2)]
    public void A_reference_to_nothing_is_an_error_where_an_SLO_uses_it(string use, int errors, int warnings)
    {
        string slo = """
            apiVersion: openslo/v1
            kind: SLO
            metadata: {name: web}
            spec:
              service: web
              USE
              indicator:
                metadata: {name: web}
                spec: {ratioMetric: {good: {metricSource: {spec: {query: a}}}, total: {metricSource: {spec: {query: b}}}}}
              objectives: [{target: 0.99}]
            """.Replace("USE", use, StringComparison.Ordinal);
        const string Policy = """
            apiVersion: openslo/v1
            kind: AlertPolicy
            metadata: {name: fast}
            spec:
              conditions:
              - conditionRef: burn
              notificationTargets: [{targetRef: oncall}]
            """;
        SloFiles read = SloFileReader.ReadAll([("slo.yaml", slo), ("policy.yaml", Policy)]);

        Assert.Equal((1 - errors, errors, warnings), (read.Slos.Count, read.Errors.Count, read.Warnings.Count));
        Assert.All(read.Errors, error => Assert.Equal(("policy.yaml", 6L, "there is no AlertCondition 'burn'"), (error.File, error.Line, error.Message)));
    }

    private static void AssertFound((long Line, string Message)[] expected, IReadOnlyList<SloFileError> found) => Assert.True(
        expected.Length == found.Count && expected.Zip(found).All(pair => pair.First.Line == pair.Second.Line && pair.Second.Message.Contains(pair.First.Message, StringComparison.Ordinal)),
        string.Join("\n", found));
}
