using System.Net;
using System.Net.Sockets;
using System.Text.Json;

namespace SloEngine.EndToEnd;

/// <summary>What an operator does with the store, by the program's own commands.</summary>
public sealed class StoreTests
{
    private static readonly string[] Quiet = ["--self-telemetry", "off"];

    [Fact]
    public async Task A_full_and_an_incremental_backup_moved_elsewhere_restore_into_a_fresh_process_with_equal_rows()
    {
        using var files = new TemporaryDirectory();
        string backups = Path.Combine(files.Path, "backups");
        string restored = Path.Combine(files.Path, "restored");
        string before;
        await using (ServerProcess server = await ServerProcess.StartAsync(Path.Combine(files.Path, "data"), [.. Quiet, "--backups", backups]))
        {
            using var sender = new OtlpJsonSender(server.OtlpHttp, "shop");
            await SendAsync(server, sender, 20);
            Assert.Equal((0, Path.Combine(backups, "full") + "\n"), await BackupAsync(server, "full"));
            await SendAsync(server, sender, 20);
            Assert.Equal((0, Path.Combine(backups, "more") + "\n"), await BackupAsync(server, "more", "--base", "full"));
            before = await RowsAsync(server);
            await SendAsync(server, sender, 5);
            Assert.NotEqual(before, await RowsAsync(server));
        }
        string contents = await File.ReadAllTextAsync(Path.Combine(backups, "more", ".backup"));
        Assert.Contains("<base_backup>File('full')</base_backup>", contents, StringComparison.Ordinal);
        Assert.Contains("<use_base>true</use_base>", contents, StringComparison.Ordinal);
        string moved = Path.Combine(files.Path, "moved");
        Directory.Move(backups, moved);

        (int exit, string output, string errors) = await Cli.RunAsync("store", "restore", Path.Combine(moved, "more"), "--data", restored);

        Assert.True(exit == 0, errors);
        Assert.Equal(restored + "\n", output);
        Assert.Contains("restore more: 100%", errors, StringComparison.Ordinal);
        await using ServerProcess fresh = await ServerProcess.StartAsync(restored, Quiet);
        Assert.Equal(before, await RowsAsync(fresh));
    }

    [Fact]
    public async Task A_store_of_its_own_is_backed_up_by_a_node_into_a_directory_of_the_store()
    {
        using var files = new TemporaryDirectory();
        string restored = Path.Combine(files.Path, "restored");
        await using var store = new StoreProcess(Path.Combine(files.Path, "store"));
        await store.StartAsync();
        string before;
        await using (ServerProcess node = await ServerProcess.StartAsync(Path.Combine(files.Path, "node"), [.. Quiet, "--store", store.Url.ToString()]))
        {
            using var sender = new OtlpJsonSender(node.OtlpHttp, "shop");
            await SendAsync(node, sender, 20);
            Assert.Equal((0, "full\n"), await BackupAsync(node, "full"));
            await SendAsync(node, sender, 20);
            Assert.Equal((0, "more\n"), await BackupAsync(node, "more", "--base", "full"));
            before = await RowsAsync(node);
            foreach ((string name, string from, string reason) in ((string, string, string)[])[("full", "more", "already exists"), ("other", "none", "not found")])
            {
                string refused = await RefusalAsync("backup", name, "--base", from, "--server", node.Http.ToString());
                Assert.Contains(reason, refused, StringComparison.Ordinal);
                Assert.DoesNotContain("Stack trace", refused, StringComparison.Ordinal);
            }
        }
        await store.KillAsync();

        (int exit, _, string errors) = await Cli.RunAsync("store", "restore", Path.Combine(files.Path, "store", "backups", "more"), "--data", restored);
        Assert.True(exit == 0, errors);
        await using ServerProcess fresh = await ServerProcess.StartAsync(restored, Quiet);
        Assert.Equal(before, await RowsAsync(fresh));
    }

    [Fact]
    public async Task A_node_that_is_started_before_its_store_waits_for_it()
    {
        using var files = new TemporaryDirectory();
        await using var store = new StoreProcess(Path.Combine(files.Path, "store"));
        Task<ServerProcess> starting;
        using (var before = new TcpListener(IPAddress.Loopback, store.Url.Port))
        {
            before.Start();
            starting = ServerProcess.StartAsync(Path.Combine(files.Path, "node"), [.. Quiet, "--store", store.Url.ToString()]);
            using TcpClient tried = await before.AcceptTcpClientAsync();
        }

        await store.StartAsync();

        await using ServerProcess node = await starting;
        Assert.Contains("waiting for it, 60 s at most", node.Errors, StringComparison.Ordinal);
        using var sender = new OtlpJsonSender(node.OtlpHttp, "shop");
        await SendAsync(node, sender, 20);
    }

    [Fact]
    public async Task A_backup_has_all_that_was_acknowledged_before_it_was_asked_for()
    {
        using var files = new TemporaryDirectory();
        string backups = Path.Combine(files.Path, "backups");
        string restored = Path.Combine(files.Path, "restored");
        var sender = new SpanAndLogSender(0);
        await using (ServerProcess server = await ServerProcess.StartAsync(Path.Combine(files.Path, "data"), [.. Quiet, "--backups", backups]))
        {
            await sender.RunAsync(server.OtlpHttp, () => sender.Acknowledged >= 700);
            // At once: the last requests are in the log alone.
            await BackupAsync(server, "now");
        }
        (int exit, _, string errors) = await Cli.RunAsync("store", "restore", Path.Combine(backups, "now"), "--data", restored);
        Assert.True(exit == 0, errors);

        await using ServerProcess fresh = await ServerProcess.StartAsync(restored, Quiet);
        Assert.Equal(sender.Acknowledged, await fresh.SqlNumberAsync("SELECT (SELECT count() FROM spans) + (SELECT count() FROM logs)"));
    }

    [Fact]
    public async Task A_served_store_takes_its_query_as_curl_and_other_clients_of_ClickHouse_send_it()
    {
        using var files = new TemporaryDirectory();
        await using var store = new StoreProcess(Path.Combine(files.Path, "store"));
        await store.StartAsync();
        using var http = new HttpClient { BaseAddress = store.Url };

        // curl --data-binary says that it sends a form.
        Assert.Equal("1\n", await AskAsync("/", new StringContent("SELECT 1", null, "application/x-www-form-urlencoded")));
        Assert.Equal("2\n", await AskAsync("/?query=SELECT%202", null));
        Assert.Equal("3\n", await AskAsync("/?query=SELECT", new StringContent(" 3")));
        Assert.Equal("4\n", await AskAsync("/?param_n=4", new MultipartFormDataContent { { new StringContent("SELECT {n:UInt8}"), "query" } }));

        async Task<string> AskAsync(string path, HttpContent? body)
        {
            using HttpResponseMessage answer = await http.PostAsync(new Uri(path, UriKind.Relative), body);
            return await answer.Content.ReadAsStringAsync();
        }
    }

    [Fact]
    public async Task A_backup_or_restore_that_cannot_be_is_refused_with_the_reason_and_leaves_nothing()
    {
        using var files = new TemporaryDirectory();
        string data = Path.Combine(files.Path, "data");
        await using (ServerProcess server = await ServerProcess.StartAsync(data, Quiet))
        {
            Assert.Equal((0, Path.Combine(data, "backups", "a") + "\n"), await BackupAsync(server, "a"));
            Assert.Equal((0, Path.Combine(data, "backups", "b") + "\n"), await BackupAsync(server, "b", "--base", "a"));

            Assert.Contains("there is a backup a in", await RefusalAsync("backup", "a", "--server", server.Http.ToString()), StringComparison.Ordinal);
            Assert.Contains("there is no complete backup z", await RefusalAsync("backup", "c", "--base", "z", "--server", server.Http.ToString()), StringComparison.Ordinal);
            Assert.Contains("'../x' is no name", await RefusalAsync("backup", "../x", "--server", server.Http.ToString()), StringComparison.Ordinal);
            Assert.Contains("is not empty", await RefusalAsync("restore", Path.Combine(data, "backups", "a"), "--data", data), StringComparison.Ordinal);
        }
        string target = Path.Combine(files.Path, "target");
        Assert.Contains("is no complete backup", await RefusalAsync("restore", files.Path, "--data", target), StringComparison.Ordinal);
        Directory.Delete(Path.Combine(data, "backups", "a"), recursive: true);
        string missing = await RefusalAsync("restore", Path.Combine(data, "backups", "b"), "--data", target);
        Assert.Contains("File('a')", missing, StringComparison.Ordinal);
        Assert.DoesNotContain("Stack trace", missing, StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFileSystemEntries(target));
        Assert.Contains("does not answer", await RefusalAsync("stats", "--server", "http://127.0.0.1:1"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Stats_tell_what_was_sent_as_a_table_and_as_json()
    {
        using var files = new TemporaryDirectory();
        await using ServerProcess server = await ServerProcess.StartAsync(Path.Combine(files.Path, "data"), Quiet);
        using var sender = new OtlpJsonSender(server.OtlpHttp, "shop");
        await SendAsync(server, sender, 7);
        double stored = await server.SqlNumberAsync("SELECT count() FROM samples");

        (_, string table, _) = await Cli.RunAsync("store", "stats", "--server", server.Http.ToString());
        (int exit, string json, _) = await Cli.RunAsync("store", "stats", "--json", "--server", server.Http.ToString());

        Assert.Equal(0, exit);
        using JsonDocument stats = JsonDocument.Parse(json);
        JsonElement samples = stats.RootElement.GetProperty("tables").EnumerateArray().Single(one => one.GetProperty("table").GetString() == "samples");
        Assert.Equal(("metrics", stored), (samples.GetProperty("signal").GetString(), samples.GetProperty("rows").GetDouble()));
        Assert.True(samples.GetProperty("bytesPerRow").GetDouble() > 0);
        Assert.True(stats.RootElement.GetProperty("disk").GetProperty("freeBytes").GetInt64() > 0);
        Assert.Contains(table.Split('\n'), line => line.StartsWith("samples ", StringComparison.Ordinal) && line.Contains($" {stored:N0} ", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_shorter_retention_drops_old_days_at_the_next_start_and_says_so()
    {
        using var files = new TemporaryDirectory();
        string data = Path.Combine(files.Path, "data");
        const string Count = "SELECT count() FROM samples WHERE id IN (SELECT id FROM series WHERE labels['job'] = 'shop')";
        await using (ServerProcess server = await ServerProcess.StartAsync(data, Quiet))
        {
            using var sender = new OtlpJsonSender(server.OtlpHttp, "shop");
            Assert.True(await sender.SendAsync(1, 0, TimeSpan.FromDays(5)));
            Assert.True(await sender.SendAsync(1, 0));
            await server.StoredAsync();
            Assert.True(await server.SqlNumberAsync(Count) >= 2);
        }

        await using ServerProcess restarted = await ServerProcess.StartAsync(data, [.. Quiet, "--retention-metrics", "3d"]);

        await ServerProcess.UntilAsync(
            () => restarted.SqlNumberAsync("SELECT count() FROM samples WHERE ts < now() - INTERVAL 4 DAY"), rows => rows == 0, TimeSpan.FromSeconds(20));
        Assert.True(await restarted.SqlNumberAsync(Count) >= 1);
        using var http = new HttpClient();
        string metrics = await http.GetStringAsync(new Uri(restarted.Http, "/metrics"));
        Assert.Matches("sloengine_store_dropped_partitions\\S*\\{[^}]*reason=\"age\"[^}]*\\} 1", metrics);
    }

    private static async Task SendAsync(ServerProcess server, OtlpJsonSender sender, int times)
    {
        for (int time = 0; time < times; time++)
        {
            Assert.True(await sender.SendAsync(1, time % 2));
        }
        await server.StoredAsync();
    }

    private static async Task<(int Exit, string Output)> BackupAsync(ServerProcess server, params string[] arguments)
    {
        (int exit, string output, string errors) = await Cli.RunAsync(["store", "backup", .. arguments, "--server", server.Http.ToString()]);
        Assert.True(exit == 0, errors);
        Assert.Contains("100%", errors, StringComparison.Ordinal);
        return (exit, output);
    }

    private static async Task<string> RefusalAsync(params string[] arguments)
    {
        (int exit, string output, string errors) = await Cli.RunAsync(["store", .. arguments]);
        Assert.Equal((1, ""), (exit, output));
        return errors;
    }

    /// <summary>Every sample and series, as text.</summary>
    private static async Task<string> RowsAsync(ServerProcess server)
    {
        JsonElement samples = await server.GetAsync("/api/v1/sql?query=" + Uri.EscapeDataString("SELECT * FROM samples ORDER BY id, ts"));
        JsonElement series = await server.GetAsync("/api/v1/sql?query=" + Uri.EscapeDataString("SELECT * FROM series FINAL ORDER BY tenant, metric, id"));
        return samples.GetProperty("data").GetRawText() + series.GetProperty("data").GetRawText();
    }
}
