using BenchmarkDotNet.Attributes;
using SloEngine.PromQL.Syntax;

namespace SloEngine.Bench.PromQL;

/// <summary>From the text of a query to its tree, and back.</summary>
[MemoryDiagnoser]
public class ParserBenchmarks
{
    private Expr _tree = null!;

    /// <summary>The query.</summary>
    [Params(
        "up",
        "sum by (job) (rate(requests_total{code=~\"5..\",namespace!=\"test\"}[5m]))",
        "(1 - sum(rate(http_requests_total{job=\"api\",code!~\"5..\"}[1h])) / sum(rate(http_requests_total{job=\"api\"}[1h]))) > (14.4 * 0.001)",
        "label_replace(kube_pod_info{namespace=~\"shop|cart\"}, \"node\", \"$1\", \"host\", \"(.*):.*\") * on (pod) group_left (owner) topk by (pod) (1, kube_pod_owner)",
        "histogram_quantile(0.99, sum by (job, le) (rate(latency_bucket{job=\"api\"}[5m] offset 1h))) > on (job) group_left (team) (limits * 1.5 or vector(0))")]
    public string Query { get; set; } = "";

    [GlobalSetup]
    public void Parse() => _tree = PromQLParser.Parse(Query);

    [Benchmark]
    public Expr Parsed() => PromQLParser.Parse(Query);

    [Benchmark]
    public string Printed() => Printer.Pretty(_tree);
}
