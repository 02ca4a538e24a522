using Microsoft.Playwright;

namespace SloEngine.EndToEnd.Browser;

/// <summary>The pages in a real browser, over the demo's data.</summary>
public sealed class PageTests
{
    private static readonly string[] ChromiumFlags =
    [
        "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    ];

    [Fact]
    public async Task A_newcomer_sees_SLOs_charts_traces_and_replicas_without_an_error()
    {
        using var files = new TemporaryDirectory();
        await using ServerProcess server = await ServerProcess.StartAsync(Path.Combine(files.Path, "data"), "--demo");
        // First SLO data within a minute of the start: the demo exports every 5 seconds.
        await ServerProcess.UntilAsync(
            async () => (await server.GetAsync("/api/v1/slos")).GetProperty("slos").EnumerateArray().Count(slo => slo.GetProperty("totalEvents").GetDouble() > 0),
            counted => counted == 6,
            TimeSpan.FromSeconds(60));

        // A rate needs two exports, and pages ask again every 10 seconds.
        Assertions.SetDefaultExpectTimeout(30_000);
        using IPlaywright playwright = await Playwright.CreateAsync();
        await using IBrowser browser = await playwright.Chromium.LaunchAsync(new BrowserTypeLaunchOptions { ExecutablePath = Chromium(), Args = ChromiumFlags });
        IPage page = await browser.NewPageAsync(new BrowserNewPageOptions { ViewportSize = new ViewportSize { Width = 1440, Height = 900 }, ColorScheme = ColorScheme.Light });
        var problems = new List<string>();
        page.Console += (_, message) =>
        {
            if (message.Type == "error")
            {
                problems.Add(message.Text);
            }
        };
        page.PageError += (_, error) => problems.Add(error);

        await page.GotoAsync(server.Http.ToString());
        await Assertions.Expect(page.GetByRole(AriaRole.Meter)).ToHaveCountAsync(6);
        await page.GetByLabel("Search objectives").FillAsync("checkout");
        await Assertions.Expect(page.GetByRole(AriaRole.Meter)).ToHaveCountAsync(1);
        Assert.Contains("q=checkout", page.Url, StringComparison.Ordinal);

        await page.GetByRole(AriaRole.Link, new() { Name = "Checkout availability" }).ClickAsync();
        await Assertions.Expect(page.GetByRole(AriaRole.Heading, new() { Name = "Checkout availability" })).ToBeVisibleAsync();
        await Assertions.Expect(page.Locator(".chart canvas")).ToHaveCountAsync(3);
        await page.GetByRole(AriaRole.Button, new() { Name = "15m" }).ClickAsync();
        Assert.Contains("start=15m", page.Url, StringComparison.Ordinal);
        await page.ReloadAsync();
        await Assertions.Expect(page.GetByRole(AriaRole.Button, new() { Name = "15m" })).ToHaveAttributeAsync("aria-pressed", "true");

        await page.GetByLabel("Dark theme").ClickAsync();
        await Assertions.Expect(page.Locator("html")).ToHaveAttributeAsync("data-theme", "dark");

        await page.GotoAsync(new Uri(server.Http, "/services/checkout?start=15m").ToString());
        await Assertions.Expect(page.Locator(".perses canvas").First).ToBeVisibleAsync();
        await Assertions.Expect(page.GetByRole(AriaRole.Meter)).ToHaveCountAsync(1);
        await page.GotoAsync(new Uri(server.Http, "/metrics-explorer?start=15m").ToString());
        await Assertions.Expect(page.Locator(".perses canvas")).ToBeVisibleAsync();
        await page.GotoAsync(new Uri(server.Http, "/scaling").ToString());
        await Assertions.Expect(page.GetByRole(AriaRole.Cell, new() { Name = "shop/checkout" })).ToBeVisibleAsync();
        await page.GotoAsync(new Uri(server.Http, "/logs?start=15m").ToString());
        await Assertions.Expect(page.Locator(".logs tr").First).ToBeVisibleAsync();
        // The explorer asks once: what it is to find has to be there.
        await ServerProcess.UntilAsync(
            async () => (await server.GetAsync("/api/search?q=" + Uri.EscapeDataString("{ resource.service.name = \"checkout\" }"))).GetProperty("traces").EnumerateArray()
                .Count(trace => trace.GetProperty("rootServiceName").GetString() == "storefront"),
            traces => traces > 0,
            TimeSpan.FromSeconds(30));
        string search = Uri.EscapeDataString("""{"queries":[{"kind":"TraceQuery","spec":{"plugin":{"kind":"TempoTraceQuery","spec":{"query":"{ resource.service.name = \"checkout\" }"}}}}]}""");
        await page.GotoAsync(new Uri(server.Http, "/traces?start=15m&data=" + search).ToString());
        await page.GetByRole(AriaRole.Link, new() { Name = "storefront:" }).First.ClickAsync();
        await Assertions.Expect(page.GetByText("checkout: POST /checkout").First).ToBeVisibleAsync();
        await DrawDashboardAsync(page, server);

        await page.SetViewportSizeAsync(390, 800);
        await page.GotoAsync(server.Http.ToString());
        await Assertions.Expect(page.GetByRole(AriaRole.Meter)).ToHaveCountAsync(6);
        Assert.True(await page.EvaluateAsync<bool>("document.documentElement.scrollWidth <= innerWidth"), "the page is wider than a phone");

        Assert.Empty(problems);

        // The server observes itself: its own three signals are there too.
        await ServerProcess.UntilAsync(
            async () => string.Join(",", (await server.GetAsync("/api/v1/services")).GetProperty("services").EnumerateArray()
                .Where(service => service.GetProperty("name").GetString() == "sloengine")
                .SelectMany(service => service.GetProperty("signals").EnumerateArray().Select(signal => signal.GetString()))),
            signals => signals == "logs,metrics,traces",
            TimeSpan.FromSeconds(45));
        using var scrape = new HttpClient();
        string metrics = await scrape.GetStringAsync(new Uri(server.Http, "/metrics"));
        Assert.Contains("# TYPE sloengine_collector_items_total counter", metrics, StringComparison.Ordinal);
    }

    /// <summary>Draws a dashboard with one panel, saves it, and finds it again after a reload.</summary>
    private static async Task DrawDashboardAsync(IPage page, ServerProcess server)
    {
        await page.GotoAsync(new Uri(server.Http, "/dashboards").ToString());
        await page.GetByLabel("Title of a new dashboard").FillAsync("Team checkout");
        await page.GetByRole(AriaRole.Button, new() { Name = "New dashboard" }).ClickAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Edit" }).First.ClickAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Add panel", Exact = true }).First.ClickAsync();
        await page.GetByLabel("Name").First.FillAsync("Requests a second");
        await page.Locator(".cm-content").First.ClickAsync();
        await page.Keyboard.TypeAsync("sum(rate(http_server_request_duration_seconds_count[1m]))");
        await page.GetByRole(AriaRole.Button, new() { Name = "Run Query" }).ClickAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Add", Exact = true }).ClickAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Save", Exact = true }).ClickAsync();
        await Assertions.Expect(page.GetByText("Saved")).ToBeVisibleAsync();
        await page.ReloadAsync();
        await Assertions.Expect(page.GetByText("Requests a second")).ToBeVisibleAsync();
        await Assertions.Expect(page.Locator(".perses canvas")).ToBeVisibleAsync();
    }

    private static string Chromium() => ((string[])["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"]).FirstOrDefault(File.Exists)
        ?? throw new InvalidOperationException("chromium is not installed; ./test installs it");
}
