// What Perses' components need around them.
import { createTheme, ThemeProvider } from '@mui/material';
import { ChartsProvider, generateChartsTheme, getTheme, SnackbarProvider } from '@perses-dev/components';
import { PluginRegistry, RouterProvider, TimeRangeSettingsProvider, ValidationProvider } from '@perses-dev/plugin-system';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { forwardRef, type ReactNode, useMemo } from 'react';
import { Link, type LinkProps, useNavigate } from 'react-router-dom';
import { QueryParamProvider } from 'use-query-params';
import { ReactRouter6Adapter } from 'use-query-params/adapters/react-router-6';
import { pluginLoader } from './plugins';

const client = new QueryClient({ defaultOptions: { queries: { refetchOnWindowFocus: false, retry: 0 } } });

const RouterLink = forwardRef<HTMLAnchorElement, LinkProps>((props, ref) => <Link ref={ref} {...props} />);

/** Themes of MUI and ECharts with the colours of the page. */
function themes() {
  const style = getComputedStyle(document.documentElement);
  const css = (name: string) => style.getPropertyValue(name).trim();
  const theme = createTheme(getTheme(document.documentElement.dataset.theme === 'dark' ? 'dark' : 'light'), {
    palette: {
      primary: { main: css('--link') },
      secondary: { main: css('--muted') },
      // Panels take the default, headings of groups take paper.
      background: { default: css('--surface'), paper: css('--surface'), navigation: css('--surface') },
      text: { primary: css('--text'), secondary: css('--muted'), link: css('--link'), linkHover: css('--link') },
      divider: css('--line'),
    },
  });
  const palette = [1, 2, 3, 4, 5, 6, 7, 8].map((index) => css(`--series-${index}`));
  // ECharts guesses the height of a line by a glyph that not every font has: it cuts labels in half where it guesses too little.
  const axisLabel = { lineHeight: 18 };
  return { theme, charts: generateChartsTheme(theme, { echartsTheme: { color: palette, timeAxis: { axisLabel }, valueAxis: { axisLabel } } }) };
}

export function Perses({ children }: { children: ReactNode }) {
  const navigate = useNavigate();
  // The page draws everything anew when its theme changes.
  const { theme, charts } = useMemo(themes, []);
  return (
    <QueryClientProvider client={client}>
      <QueryParamProvider adapter={ReactRouter6Adapter}>
        <ThemeProvider theme={theme}>
          <ChartsProvider chartsTheme={charts} enablePinning={false}>
            <SnackbarProvider anchorOrigin={{ vertical: 'bottom', horizontal: 'right' }}>
              <PluginRegistry pluginLoader={pluginLoader} defaultPluginKinds={{ Panel: 'TimeSeriesChart', TimeSeriesQuery: 'PrometheusTimeSeriesQuery', TraceQuery: 'TempoTraceQuery', LogQuery: 'LokiLogQuery' }}>
                <ValidationProvider>
                  <RouterProvider RouterComponent={RouterLink} navigate={(to) => void navigate(to)}>
                    <TimeRangeSettingsProvider showZoomButtons>{children}</TimeRangeSettingsProvider>
                  </RouterProvider>
                </ValidationProvider>
              </PluginRegistry>
            </SnackbarProvider>
          </ChartsProvider>
        </ThemeProvider>
      </QueryParamProvider>
    </QueryClientProvider>
  );
}
