namespace SloEngine.EndToEnd;

/// <summary>What the server writes is no other user's to read.</summary>
public sealed class PrivateFilesTests
{
    private const UnixFileMode Foreign =
        UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;

    [Fact]
    public async Task Files_of_the_log_the_store_and_backups_are_the_servers_alone_also_in_a_directory_that_was_open()
    {
        using var files = new TemporaryDirectory();
        string data = Path.Combine(files.Path, "data");
        string wal = Path.Combine(files.Path, "wal");
        foreach (string open in (string[])[data, wal])
        {
            Directory.CreateDirectory(open);
            SetMode(open, (UnixFileMode)0b111_101_101);
        }
        await using ServerProcess server = await ServerProcess.StartAsync(data, "--wal", wal, "--self-telemetry", "off");
        using var sender = new OtlpJsonSender(server.OtlpHttp, "app");
        Assert.True(await sender.SendAsync(3, 1));
        await server.StoredAsync();
        using var http = new HttpClient { BaseAddress = server.Http };
        Assert.True((await http.PostAsync(new Uri("/api/v1/store/backups", UriKind.Relative), new StringContent("""{"name":"one"}""", System.Text.Encoding.UTF8, "application/json"))).IsSuccessStatusCode);
        await ServerProcess.UntilAsync(() => Task.FromResult(File.Exists(Path.Combine(data, "backups", "one", ".backup"))), found => found, TimeSpan.FromSeconds(30));

        string[] written = [data, wal, .. Directory.EnumerateFileSystemEntries(data, "*", SearchOption.AllDirectories), .. Directory.EnumerateFileSystemEntries(wal, "*", SearchOption.AllDirectories)];
        Assert.Contains(written, path => path.EndsWith(".wal", StringComparison.Ordinal));
        Assert.Contains(written, path => Path.GetFileName(path) == "checkpoint");
        // The engine's merges take parts away meanwhile, and links have no mode of their own.
        Assert.DoesNotContain(written, path => Path.Exists(path) && new FileInfo(path).LinkTarget is null && (Mode(path) & Foreign) != 0);
    }

    private static UnixFileMode Mode(string path) => OperatingSystem.IsWindows() ? default : File.GetUnixFileMode(path);

    private static void SetMode(string path, UnixFileMode mode)
    {
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(path, mode);
        }
    }
}
