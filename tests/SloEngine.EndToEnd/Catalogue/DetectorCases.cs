using System.Text;

namespace SloEngine.EndToEnd.Catalogue;

/// <summary>What each detector sees when all is well, and when it is not: series a minute, in the notation of Prometheus' unit tests of rules.</summary>
internal static class DetectorCases
{
    private const string Http = "http_server_request_duration_seconds_count";
    private const string Client = "http_client_request_duration_seconds_count{service_name=\"shop\",server_address=\"db\"";
    private const string Runs = "cicd_pipeline_run_duration_seconds_count{cicd_pipeline_name=\"deploy\"";

    private static readonly (string Template, string Case, string At, string[] Series, string[] Firing)[] Cases =
    [
        ("time-to-restore", "a page of half an hour", "1h35m", ["ALERTS{alertname=\"Outage\",alertstate=\"firing\",severity=\"page\"}: 1x30", Api("200", "0+60x120")], []),
        ("time-to-restore", "a page of more than an hour", "1h5m", ["ALERTS{alertname=\"Outage\",alertstate=\"firing\",severity=\"page\"}: 1x100", Api("200", "0+60x120")], ["RestoreTakesTooLong"]),
        ("resource-utilisation", "within bounds", "25h", Node("0.6", "60"), []),
        ("resource-utilisation", "too dense", "1h", Node("0.8", "60"), ["NodeOverUtilised"]),
        ("resource-utilisation", "idle", "25h", Node("0.3", "30"), ["NodeUnderUtilised"]),
        ("resource-utilisation", "idle processors, used memory", "25h", Node("0.3", "60"), []),
        ("quota-exhaustion", "half used", "8h", Quota("10x600"), []),
        ("quota-exhaustion", "used up", "10m", Quota("20x600"), ["QuotaExhausted"]),
        ("quota-exhaustion", "growing", "8h", Quota("11+0.01x600"), ["QuotaRunsOut"]),
        ("thundering-herd", "as ever", "1h50m", [Client + "}: 0+600x200"], []),
        ("thundering-herd", "more, and well", "1h50m", [Client + "}: 0+60x100 6600+600x20"], []),
        ("thundering-herd", "retries", "1h50m", [Client + "}: 0+60x100 6600+600x20", Client + ",error_type=\"503\"}: 0x100 300+300x20"], ["RetryStorm"]),
        ("cost-per-deployment", "cheap", "2h", ["platform_cost_total: 0+10x200", Runs + ",cicd_pipeline_result=\"success\"}: 0+1x200"], []),
        ("cost-per-deployment", "dear", "2h", ["platform_cost_total: 0+1000x200", Runs + ",cicd_pipeline_result=\"success\"}: 0+1x200"], ["DeploymentsCostTooMuch"]),
        ("control-plane-down", "well", "30m", [Api("200", "0+60x60"), Runs + ",cicd_pipeline_result=\"failure\"}: 0+1x60", Runs + ",cicd_pipeline_result=\"success\"}: 0+1x60"], []),
        ("control-plane-down", "errors", "30m", [Api("200", "0+60x60"), Api("500", "0+120x60")], ["ControlPlaneDown"]),
        ("control-plane-down", "silence", "40m", [Api("200", "0+60x10")], ["ControlPlaneDown"]),
        ("control-plane-down", "nothing is deployed", "40m", [Api("200", "0+60x60"), Runs + ",cicd_pipeline_result=\"failure\"}: 0+1x60"], ["NoDeploymentSucceeds"]),
        ("autoscaler-thrash", "calm", "20m", [Replicas("2x60")], []),
        ("autoscaler-thrash", "up with the load", "20m", [Replicas("2+1x30")], []),
        ("autoscaler-thrash", "up and down", "20m", [Replicas("2 4 2 4 2 4 2 4 2 4 2 4 2 4 2 4 2 4 2 4 2 4")], ["AutoscalerThrash"]),
        ("secret-rotation-failure", "as ever", "1h50m", [Shop("200", "0+60x200"), Shop("401", "0+10x200")], []),
        ("secret-rotation-failure", "all of a sudden", "1h50m", [Shop("200", "0+60x200"), Shop("401", "0x100 30+30x50")], ["AuthenticationFailuresAfterRotation"]),
        ("noisy-neighbour", "room for all", "15m", Neighbours("1", "1"), []),
        ("noisy-neighbour", "full, and shared", "15m", Neighbours("1.9", "1.9", "0.1"), []),
        ("noisy-neighbour", "full of one", "15m", Neighbours("3", "0.9"), ["NoisyNeighbour"]),
        ("misconfigured-ingress", "one fails", "15m", Apps(1), []),
        ("misconfigured-ingress", "most fail", "15m", Apps(3), ["IngressFailsManyApps"]),
        ("policy-rejects-deployments", "other errors", "1h10m", [Errors("timeout"), Runs + ",cicd_pipeline_result=\"failure\"}: 0+1x90"], []),
        ("policy-rejects-deployments", "a policy", "1h10m", [Errors("policy_violation"), Runs + ",cicd_pipeline_result=\"failure\"}: 0+1x90"], ["PolicyRejectsDeployments"]),
    ];

    /// <summary>Number of cases.</summary>
    public static int Count => Cases.Length;

    /// <summary>Templates that have cases.</summary>
    public static IEnumerable<string> Templates => Cases.Select(one => one.Template).Distinct();

    /// <summary>All cases as a file of unit tests, to lie in a folder below that of the rules.</summary>
    public static string Tests()
    {
        // Rules of other templates are evaluated as well: they are to be silent about what is not theirs, or their case says so.
        var text = new StringBuilder("evaluation_interval: 1m\nrule_files: [../*.yaml]\ntests:\n");
        foreach ((string template, string name, string at, string[] series, string[] firing) in Cases)
        {
            text.Append("  - name: '").Append(template).Append(": ").Append(name).Append("'\n    interval: 1m\n    input_series:\n");
            foreach (string one in series)
            {
                int colon = one.LastIndexOf(':');
                text.Append("      - {series: '").Append(one[..colon]).Append("', values: '").Append(one[(colon + 2)..]).Append("'}\n");
            }
            text.Append("    promql_expr_test:\n      - expr: 'count by (alertname) (ALERTS{alertstate=\"firing\",catalogue=\"").Append(Id(template)).Append("\"})'\n        eval_time: ").Append(at).Append("\n        exp_samples: [");
            text.AppendJoin(", ", firing.Select(alert => $"{{labels: '{{alertname=\"{alert}\"}}', value: 1}}")).Append("]\n");
        }
        return text.ToString();
    }

    private static string Id(string template) => Server.Catalogue.TemplateCatalogue.Find(template)!.Id;

    private static string[] Node(string cpu, string memory) =>
    [
        $"k8s_pod_cpu_usage{{k8s_node_name=\"n\",k8s_pod_name=\"p\"}}: {cpu}x1600", "k8s_container_cpu_request{k8s_node_name=\"n\",k8s_pod_name=\"p\"}: 1x1600",
        $"k8s_pod_memory_usage_bytes{{k8s_node_name=\"n\",k8s_pod_name=\"p\"}}: {memory}x1600", "k8s_container_memory_request_bytes{k8s_node_name=\"n\",k8s_pod_name=\"p\"}: 100x1600",
    ];

    private static string[] Quota(string used) =>
        [$"k8s_resource_quota_used{{resource=\"pods\",k8s_namespace_name=\"t\"}}: {used}", "k8s_resource_quota_hard_limit{resource=\"pods\",k8s_namespace_name=\"t\"}: 20x600"];

    private static string Api(string code, string values) => $"{Http}{{service_name=\"platform-api\",http_response_status_code=\"{code}\"}}: {values}";

    private static string Shop(string code, string values) => $"{Http}{{service_name=\"shop\",http_response_status_code=\"{code}\"}}: {values}";

    private static string Replicas(string values) => $"k8s_hpa_desired_replicas{{k8s_hpa_name=\"web\",k8s_namespace_name=\"t\"}}: {values}";

    private static string Errors(string type) => $"cicd_pipeline_run_errors_total{{cicd_pipeline_name=\"deploy\",error_type=\"{type}\"}}: 0+1x90";

    private static string[] Neighbours(params string[] usage) =>
    [
        "k8s_node_allocatable_cpu{k8s_node_name=\"n\"}: 4x60",
        .. usage.Select((cpu, tenant) => $"k8s_pod_cpu_usage{{k8s_node_name=\"n\",k8s_namespace_name=\"t{tenant}\",k8s_pod_name=\"p{tenant}\"}}: {cpu}x60"),
    ];

    private static string[] Apps(int failing) =>
    [
        .. Enumerable.Range(0, 5).Select(app => $"{Http}{{service_name=\"ingress\",server_address=\"app{app}\",http_response_status_code=\"200\"}}: 0+60x30"),
        .. Enumerable.Range(0, failing).Select(app => $"{Http}{{service_name=\"ingress\",server_address=\"app{app}\",http_response_status_code=\"502\"}}: 0+60x30"),
    ];
}
