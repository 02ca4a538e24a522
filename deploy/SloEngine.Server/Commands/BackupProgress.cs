using System.Globalization;
using SloEngine.Storage.Backup;

namespace SloEngine.Server.Commands;

/// <summary>Shows how far a backup or restore is: one line that changes on a terminal, a line every few seconds elsewhere.</summary>
internal sealed class BackupProgress(string verb, TextWriter output, bool isTerminal, TimeProvider time)
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    private DateTimeOffset _next;

    public void Show(BackupStatus status)
    {
        bool isOver = status.State != BackupState.Running;
        if (!isTerminal && !isOver && time.GetUtcNow() < _next)
        {
            return;
        }
        _next = time.GetUtcNow() + Interval;
        double share = status.State == BackupState.Done ? 1 : status.StoreBytes == 0 ? 0 : Math.Min(1, (double)status.Bytes / status.StoreBytes);
        string line = string.Create(
            CultureInfo.InvariantCulture,
            $"{verb} {status.Name}: {share:0%}, {status.Files:N0} files, {status.Bytes / 1e6:N1} MB, copied {status.CopiedBytes / 1e6:N1} MB");
        output.Write(isTerminal ? $"\r\u001b[K{line}{(isOver ? "\n" : "")}" : line + "\n");
        output.Flush();
    }
}
