namespace SloEngine.EndToEnd;

/// <summary>What a command cannot do is one line and exit code 1, never a stack trace.</summary>
public sealed class CommandErrorTests
{
    [Theory]
    [InlineData("--group route: given twice, as '1' and '2'", "--group", "route=1", "--group", "route=2")]
    [InlineData("--group route: expected LABEL=VALUE", "--group", "route")]
    [InlineData("--good is NaN, expected a number of events", "--good", "NaN")]
    [InlineData("--bad is -Infinity, expected a number of events", "--bad", "-Infinity")]
    public async Task A_correction_that_cannot_be_sent_says_why(string message, params string[] options) => Assert.Equal(
        (1, "", $"sloengine: {message}\n"), await Cli.RunAsync(["slo", "correct", "app", "--at", "2026-01-10T12:00:00Z", "--reason", "probes", .. options]));

    [Theory]
    [InlineData("slo", "apply")]
    [InlineData("slo", "validate")]
    public async Task A_file_that_cannot_be_read_says_why(params string[] command)
    {
        // There, and not to be read: nothing is mapped at its beginning.
        (int exit, string output, string errors) = await Cli.RunAsync([.. command, "/proc/self/mem"]);

        Assert.Equal((1, "", 1), (exit, output, errors.Count(letter => letter == '\n')));
        Assert.StartsWith("sloengine: ", errors, StringComparison.Ordinal);
    }
}
